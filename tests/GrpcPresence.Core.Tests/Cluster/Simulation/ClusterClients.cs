using GrpcPresence.Core.Domain;
using GrpcPresence.Core.Domain.Cluster;
using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Presence;
using GrpcPresence.Core.Tests.Fixture;
using GrpcPresence.Testing;
using GrpcPresence.Testing.Cluster;
using GrpcPresence.Testing.Watching;

namespace GrpcPresence.Core.Tests.Cluster.Simulation;

/// <summary>What callers may conclude from the answers to heartbeats and ends of sessions.</summary>
internal sealed class ClusterClients(SimulatedClock clock, TimeSpan timeout)
{
    private static readonly TimeSpan LongestCall = 2 * Limits.ForwardedCall; // of a call that its owner has received late
    private static readonly TimeSpan LongestAnswer = Limits.ForwardedCall + TimeSpan.FromSeconds(1);

    private readonly List<Asked> _asked = [];
    private readonly Dictionary<(string User, string Session), (TimeSpan At, TimeSpan Until)> _ended = []; // answered ends
    private readonly Dictionary<(string User, string Session), (TimeSpan Asked, TimeSpan Answered)> _beaten = []; // the last heartbeat
    private readonly Dictionary<string, TimeSpan> _online = []; // up to when an answered heartbeat keeps the user online
    private readonly HashSet<string> _steady = []; // steady users that were seen online
    private readonly Dictionary<(string User, string Session), TimeSpan> _unsure = []; // up to when another end may count
    private readonly Dictionary<string, TimeSpan> _notBefore = []; // heartbeats asked before may precede a deletion or an end

    /// <summary>Notes a heartbeat that was sent to a node, of a stream if there is one.</summary>
    public void Beat(HeartbeatResult result, string user, string session, SimulatedNode ingress, StreamId? stream = null)
    {
        if (result.Rejection is null)
            _asked.Add(new Asked(user, session, result.Stored, clock.Now, ingress, isEnd: false) { Stream = stream });
    }

    /// <summary>Notes the close of a stream whose sessions end with it. The user may go offline from now on.</summary>
    public void CloseStream(StreamId stream, string user)
    {
        _online.Remove(user);
        foreach (var asked in _asked.Where(asked => asked.Stream == stream))
            asked.IsClosed = true;
    }

    /// <summary>Notes the end of a session. The user may go offline from now on.</summary>
    public void End(Task answer, string user, string session, SimulatedNode ingress)
    {
        _online.Remove(user);
        _asked.Add(new Asked(user, session, answer, clock.Now, ingress, isEnd: true));
    }

    /// <summary>Notes that a commit has deleted a user. Heartbeats from before do not count.</summary>
    public void NoteDeleted(string user)
    {
        _online.Remove(user);
        _notBefore[user] = clock.Now;
    }

    /// <summary>A process has ended. Its clients get no answers, but an owner may still run what it has received.</summary>
    public void Lose(SimulatedNode ingress)
    {
        foreach (var asked in _asked.Where(asked => asked.Ingress == ingress && !asked.Answer.IsCompleted))
        {
            if (asked.IsEnd)
                (asked.IsExcused, asked.LostUntil) = (true, clock.Now + LongestCall);
            else
                NoteFailed(asked);
        }
        _asked.RemoveAll(asked => asked.Ingress == ingress && !asked.IsEnd && !asked.Answer.IsCompleted);
    }

    /// <summary>
    /// The store has lost its last commits. What was answered before does not count. A session may have lived on in memory, so its
    /// heartbeats still say for how long its end must be remembered.
    /// </summary>
    public void Forget()
    {
        foreach (var asked in _asked)
        {
            asked.IsForgotten = true;
            if (asked.IsEnd)
                NoteUnsure((asked.User, asked.Session), asked.At + LongestCall + timeout);
        }
        _asked.RemoveAll(asked => asked.IsEnd);
        foreach (var (key, ended) in _ended)
            NoteUnsure(key, ended.Until);
        _ended.Clear();
        _online.Clear();
        _steady.Clear();
    }

    /// <summary>Takes the answers so far, and checks what is stored.</summary>
    /// <exception cref="BrokenPromiseException">A promise does not hold.</exception>
    public void Check(StoreImage image, ServiceSid service)
    {
        foreach (var asked in _asked.Where(asked => asked.Answer.IsCompleted))
            Take(asked);
        _asked.RemoveAll(asked => asked.Answer.IsCompleted || asked.LostUntil < clock.Now);
        RequireAnswers(service);
        var stored = image.Get(service);
        if (!stored.Record.Configuration.ReachabilityEnabled)
            return;
        foreach (var user in stored.Users.Values)
        {
            var name = user.Identity.ToString();
            var isOnline = stored.StateOf(user).IsOnline;
            if (isOnline == true && SimulatedCluster.SteadyNames.Contains(name))
                _steady.Add(name);
            if (isOnline == false && _steady.Contains(name))
                throw new BrokenPromiseException("NoFalseOffline", $"{name} is offline, and sends heartbeats all the time");
            if (isOnline == false && _online.TryGetValue(name, out var until) && clock.Now < until)
                throw new BrokenPromiseException("AnsweredCounts", $"{name} is offline, and an answered heartbeat counts until {until}");
        }
    }

    /// <summary>Checks the cluster at rest, when only the steady clients have sent heartbeats for more than a session timeout.</summary>
    public static void Settle(StoreImage image, ServiceSid service, IReadOnlyList<string> steady)
    {
        var stored = image.Get(service);
        foreach (var user in stored.Users.Values)
        {
            var isOnline = stored.StateOf(user).IsOnline == true;
            if (isOnline != steady.Contains(user.Identity.ToString()))
                throw new BrokenPromiseException("Live", $"{user.Identity} is {(isOnline ? "online" : "not online")} at rest");
        }
        foreach (var name in steady)
        {
            if (stored.FindUser(World.Key(name)) is null)
                throw new BrokenPromiseException("Live", $"{name} does not exist at rest ");
        }
    }

    private void Take(Asked asked)
    {
        if (asked.IsForgotten)
        {
            _ = asked.Answer.Exception; // observed
            NoteFailed(asked);
            return;
        }
        if (!asked.Answer.IsCompletedSuccessfully)
        {
            RequireRetry(asked);
            if (asked.IsEnd)
            {
                _notBefore[asked.User] = asked.At + LongestCall; // up to when the owner may take it
                NoteUnsure((asked.User, asked.Session), asked.At + LongestCall + timeout);
            }
            else
            {
                NoteFailed(asked);
            }
            return;
        }
        var key = (asked.User, asked.Session);
        if (asked.IsEnd)
        {
            NoteEnd(key, asked.At);
            _online.Remove(asked.User);
            _notBefore[asked.User] = clock.Now; // the answers to heartbeats that the owner took before may come later
        }
        else if (_ended.TryGetValue(key, out var ended) && asked.At > ended.At && clock.Now < ended.Until)
        {
            throw new BrokenPromiseException("Final", $"a heartbeat began the ended session {asked.Session} of {asked.User} again");
        }
        else
        {
            _beaten[key] = (asked.At, clock.Now);
            var mayEnd = _asked.Exists(other => other.User == asked.User && other.IsEnd);
            if (!mayEnd && !asked.IsClosed && (!_notBefore.TryGetValue(asked.User, out var notBefore) || asked.At > notBefore))
                _online[asked.User] = asked.At + timeout;
        }
    }

    /// <summary>
    /// Notes for how long an ended id is remembered: until the lease would have ended, or for a timeout if the session did not live. An end
    /// of an id that is remembered changes nothing.
    /// </summary>
    private void NoteEnd((string User, string Session) key, TimeSpan askedAt)
    {
        var hasEarlier = _ended.TryGetValue(key, out var earlier);
        if (hasEarlier && askedAt < earlier.Until)
            return;
        // A move of the shard may lengthen the time, so this end may have come before the time of another one was over.
        if ((hasEarlier && askedAt < earlier.Until + timeout) || askedAt < _unsure.GetValueOrDefault(key))
        {
            NoteUnsure(key, clock.Now + (2 * timeout));
            return;
        }
        // The owner took the last heartbeat at some time between the two.
        var began = _beaten.TryGetValue(key, out var beaten) && beaten.Answered + timeout > askedAt ? beaten.Asked : askedAt;
        _ended[key] = (clock.Now, began + timeout);
    }

    private void NoteUnsure((string User, string Session) key, TimeSpan until)
    {
        if (until > _unsure.GetValueOrDefault(key))
            _unsure[key] = until;
    }

    /// <summary>Each client gets an answer in time, unless its node was paused meanwhile.</summary>
    private void RequireAnswers(ServiceSid service)
    {
        foreach (var asked in _asked)
        {
            asked.IsExcused |= !asked.Ingress.IsServing;
            if (asked.IsExcused || clock.Now <= asked.At + LongestAnswer)
                continue;
            var shard = Shard.Of(service, World.Id(asked.User));
            throw new BrokenPromiseException(
                "Live",
                $"{asked.Ingress.Id}, {asked.Ingress.Gates[shard]}, has not answered a call of {asked.User}, {shard}, since {asked.At}");
        }
    }

    /// <summary>A client that cannot reach the owner of its user is asked to try again.</summary>
    private static void RequireRetry(Asked asked)
    {
        var error = asked.Answer.Exception?.InnerException as PresenceException;
        var isExpected = error?.Reason switch
        {
            ErrorReason.OwnerUnavailable => error.RetryAfter is not null,
            ErrorReason.StorageUnavailable or ErrorReason.ServerStopping or ErrorReason.SessionEnded => true,
            _ => asked.IsEnd && error?.Reason == ErrorReason.UserNotFound,
        };
        if (!isExpected)
            throw new BrokenPromiseException("Retry", $"{asked.Ingress.Id} rejects a call of {asked.User}: {error}");
    }

    /// <summary>A heartbeat that failed may have been taken before: then its session lives in memory.</summary>
    private void NoteFailed(Asked asked)
    {
        var key = (asked.User, asked.Session);
        var isAlive = _beaten.TryGetValue(key, out var beaten) && beaten.Answered + timeout > asked.At;
        _beaten[key] = (isAlive ? beaten.Asked : asked.At, clock.Now);
    }

    private sealed class Asked(string user, string session, Task answer, TimeSpan at, SimulatedNode ingress, bool isEnd)
    {
        public string User => user;

        public string Session => session;

        public Task Answer => answer;

        public TimeSpan At => at;

        public SimulatedNode Ingress => ingress;

        public bool IsEnd => isEnd;

        /// <summary>Whether the answer may be of lost commits.</summary>
        public bool IsForgotten { get; set; }

        public StreamId? Stream { get; init; }

        /// <summary>Whether the stream was closed since, and its sessions end with it.</summary>
        public bool IsClosed { get; set; }

        /// <summary>Up to when an owner may run the call, whose ingress has ended.</summary>
        public TimeSpan LostUntil { get; set; } = TimeSpan.MaxValue;

        /// <summary>Whether the ingress was paused, or has ended.</summary>
        public bool IsExcused { get; set; }
    }
}
