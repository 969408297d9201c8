using GrpcPresence.Core.Domain;
using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Domain.Users;
using GrpcPresence.Core.Presence;
using GrpcPresence.Core.Tenants;
using GrpcPresence.Server.Grpc.Mapping;
using GrpcPresence.Server.Security.Authentication;
using GrpcPresence.Server.Security.Quotas;

namespace GrpcPresence.Server.Grpc.Services.Heartbeats;

/// <summary>
/// Processes the messages of one heartbeat stream. For each message it validates the entries, charges the quotas, resolves the users, and
/// renews or ends their leases. It never waits for a commit: the reply does.
/// </summary>
/// <remarks>One instance serves a whole stream, so that a message of one heartbeat costs no object more.</remarks>
internal sealed class HeartbeatBatchProcessor(
    CachedService service, Caller caller, UserResolver users, UserSessions sessions, CallQuotas quotas, TimeProvider time)
{
    /// <summary>Renews the lease of each session, and starts the sessions that are new.</summary>
    /// <exception cref="PresenceException">FieldTooLong: the list has too many entries.</exception>
    public async ValueTask<HeartbeatReply> RenewAsync(
        IReadOnlyList<V1.SessionBeat> beats, SessionStream stream, CancellationToken cancellationToken)
    {
        var (reply, keys, ids) = Admit(beats, "beats.beats");
        var resolved = new UserRef?[keys.Count];
        var missing = ErrorReason.UserNotFound;
        try
        {
            await users.ResolveAsync(service, keys.ToArray(), resolved, cancellationToken);
        }
        catch (PresenceException error)
        {
            // Users that needed no read are resolved, and their leases are renewed below.
            missing = error.Reason;
        }
        for (var i = 0; i < resolved.Length; i++)
        {
            var (index, session) = ids[i];
            if (resolved[i] is { } user)
                reply.Add(index, sessions.Beat(service, user, session, stream));
            else
                reply.Reject(index, missing);
        }
        return reply;
    }

    /// <summary>Ends each session.</summary>
    /// <exception cref="PresenceException">FieldTooLong: the list has too many entries.</exception>
    public async ValueTask<HeartbeatReply> EndAsync(IReadOnlyList<V1.SessionBeat> ends, CancellationToken cancellationToken)
    {
        var (reply, keys, ids) = Admit(ends, "ends.ends");
        for (var i = 0; i < keys.Count; i++)
        {
            var (index, session) = ids[i];
            try
            {
                reply.Add(index, await sessions.BeginEndAsync(service, keys[i], session, cancellationToken));
            }
            catch (PresenceException error)
            {
                reply.Reject(index, error.Reason);
            }
        }
        return reply;
    }

    /// <summary>Returns the entries that are valid and within the quotas. The reply rejects the others.</summary>
    private (HeartbeatReply Reply, List<UserKey> Keys, List<(int Index, SessionId Id)> Ids) Admit(
        IReadOnlyList<V1.SessionBeat> entries, string field)
    {
        if (entries.Count > Limits.BeatsPerMessage)
        {
            var description = $"must have at most {Limits.BeatsPerMessage} entries";
            throw new PresenceException([new Violation(field, ErrorReason.FieldTooLong, description)]);
        }
        var reply = new HeartbeatReply(entries.Count, time.GetTimestamp());
        var keys = new List<UserKey>(entries.Count);
        var ids = new List<(int, SessionId)>(entries.Count);
        for (var i = 0; i < entries.Count; i++)
        {
            if (UserKey.TryParse(entries[i].UserKey, out var key) && SessionId.TryParse(entries[i].SessionId, out var session))
            {
                keys.Add(key);
                ids.Add((i, session));
            }
            else
            {
                reply.Reject(i, ReasonOf(entries[i]));
            }
        }
        var granted = keys.Count == 0 ? 0 : quotas.ChargeHeartbeats(service, caller, keys.Count);
        reply.IsOverQuota = granted < keys.Count;
        for (var i = granted; i < ids.Count; i++)
            reply.Reject(ids[i].Item1, ErrorReason.QuotaExceeded);
        keys.RemoveRange(granted, keys.Count - granted);
        ids.RemoveRange(granted, ids.Count - granted);
        return (reply, keys, ids);
    }

    private static ErrorReason ReasonOf(V1.SessionBeat entry)
    {
        var reader = new RequestReader();
        reader.User(entry.UserKey);
        reader.Session(entry.SessionId);
        return reader.FirstReason;
    }
}
