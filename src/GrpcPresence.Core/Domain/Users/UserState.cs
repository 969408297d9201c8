using GrpcPresence.Core.Domain.Services;

namespace GrpcPresence.Core.Domain.Users;

/// <summary>
/// What clients may see of a user at a revision. The only place that decides when reachability is null. Immutable, except for the encoded
/// bytes: each is written once and shared by all watchers.
/// </summary>
public sealed class UserState
{
    private byte[]? _basic;
    private byte[]? _reachability;
    private byte[]? _full;

    private UserState(ServiceSid service, UserSid sid, Identity identity, UserRecord? record, long revision)
    {
        Service = service;
        Sid = sid;
        Identity = identity;
        Record = record;
        Revision = revision;
    }

    /// <summary>The service instance.</summary>
    public ServiceSid Service { get; }

    /// <summary>The SID.</summary>
    public UserSid Sid { get; }

    /// <summary>The identity.</summary>
    public Identity Identity { get; }

    /// <summary>The stored row; null when the user is deleted.</summary>
    public UserRecord? Record { get; }

    /// <summary>
    /// The revision that clients see; grows with every visible change of the user. For a user that was ever known it is at least the last
    /// switch's, because the switch changed what is visible without changing the row.
    /// </summary>
    public long Revision { get; }

    /// <summary>Whether the user is deleted.</summary>
    public bool IsDeleted => Record is null;

    /// <summary>Whether any session lives; null if not known.</summary>
    public bool? IsOnline { get; private init; }

    /// <summary>Whether the user has a push binding; null if not known.</summary>
    public bool? IsNotifiable { get; private init; }

    /// <summary>When the user last went offline; null while online, or if not known.</summary>
    public DateTimeOffset? LastOnlineTime { get; private init; }

    /// <summary>Returns what is visible of a stored user under the configuration of the same moment.</summary>
    public static UserState Of(ServiceSid service, UserRecord record, ServiceConfiguration configuration)
    {
        var known = record.IsKnown(configuration);
        var revision = record.KnownRevision > 0 ? Math.Max(record.Revision, configuration.SwitchRevision) : record.Revision;
        return new UserState(service, record.Sid, record.Identity, record, revision)
        {
            IsOnline = known ? record.IsOnline : null,
            IsNotifiable = known && record.HadBinding ? record.BindingCount > 0 : null,
            LastOnlineTime = known && !record.IsOnline ? record.LastOnlineTime : null,
        };
    }

    /// <summary>Returns what is visible of a deleted user.</summary>
    public static UserState Of(ServiceSid service, Tombstone tombstone) =>
        new(service, tombstone.Sid, tombstone.Identity, record: null, tombstone.Revision);

    /// <summary>
    /// Returns a state from its parts, as another node has sent it. The parts are not derived from the row: within a batch, reachability
    /// may have been switched after the change.
    /// </summary>
    /// <param name="service">The service instance.</param>
    /// <param name="sid">The SID.</param>
    /// <param name="identity">The identity.</param>
    /// <param name="record">The row; null when the user is deleted.</param>
    /// <param name="revision">The revision that clients see.</param>
    /// <param name="isOnline">Whether any session lives; null if not known.</param>
    /// <param name="isNotifiable">Whether the user has a push binding; null if not known.</param>
    /// <param name="lastOnlineTime">When the user last went offline; null while online, or if not known.</param>
    public static UserState FromParts(
        ServiceSid service,
        UserSid sid,
        Identity identity,
        UserRecord? record,
        long revision,
        bool? isOnline,
        bool? isNotifiable,
        DateTimeOffset? lastOnlineTime) => new(service, sid, identity, record, revision)
        {
            IsOnline = isOnline,
            IsNotifiable = isNotifiable,
            LastOnlineTime = lastOnlineTime,
        };

    /// <summary>Returns what changed in the row of the user after the revision.</summary>
    public UpdateReasons ReasonsSince(long revision) =>
        Record?.ReasonsSince(revision) ?? (Revision > revision ? UpdateReasons.Deleted : UpdateReasons.None);

    /// <summary>Returns the same state at the revisions at which it is stored. Null for a deleted user.</summary>
    public UserState With(UserRecord? record, long revision) => new(Service, Sid, Identity, record, revision)
    {
        IsOnline = IsOnline,
        IsNotifiable = IsNotifiable,
        LastOnlineTime = LastOnlineTime,
    };

    /// <summary>
    /// Returns the encoded user in the view, encoded at the first call. Two threads may encode it at the same time; one result is kept.
    /// </summary>
    public byte[] Encode(IUserEncoder encoder, UserView view) => view switch
    {
        UserView.Basic => EncodeOnce(ref _basic, encoder, view),
        UserView.Reachability => EncodeOnce(ref _reachability, encoder, view),
        _ => EncodeOnce(ref _full, encoder, view),
    };

    private byte[] EncodeOnce(ref byte[]? cached, IUserEncoder encoder, UserView view)
    {
        if (Volatile.Read(ref cached) is { } encoded)
            return encoded;
        var made = encoder.Encode(this, view);
        return Interlocked.CompareExchange(ref cached, made, null) ?? made;
    }
}
