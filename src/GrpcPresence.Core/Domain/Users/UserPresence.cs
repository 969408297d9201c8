using GrpcPresence.Core.Domain.Services;

namespace GrpcPresence.Core.Domain.Users;

/// <summary>The part of a stored user that a transition changes. The properties are those of <see cref="UserRecord"/>.</summary>
public readonly record struct UserPresence
{
    /// <inheritdoc cref="UserRecord.IsOnline"/>
    public bool IsOnline { get; init; }

    /// <inheritdoc cref="UserRecord.LastOnlineTime"/>
    public DateTimeOffset? LastOnlineTime { get; init; }

    /// <inheritdoc cref="UserRecord.LastAlive"/>
    public TimeSpan LastAlive { get; init; }

    /// <inheritdoc cref="UserRecord.OnlineRevision"/>
    public long OnlineRevision { get; init; }

    /// <inheritdoc cref="UserRecord.NotifiableRevision"/>
    public long NotifiableRevision { get; init; }

    /// <inheritdoc cref="UserRecord.KnownRevision"/>
    public long KnownRevision { get; init; }

    /// <inheritdoc cref="UserRecord.Revision"/>
    public long Revision { get; init; }

    /// <summary>Returns the presence of a user.</summary>
    public static UserPresence Of(UserRecord user) => new()
    {
        IsOnline = user.IsOnline,
        LastOnlineTime = user.LastOnlineTime,
        LastAlive = user.LastAlive,
        OnlineRevision = user.OnlineRevision,
        NotifiableRevision = user.NotifiableRevision,
        KnownRevision = user.KnownRevision,
        Revision = user.Revision,
    };

    /// <summary>Returns the user with this presence.</summary>
    public UserRecord ApplyTo(UserRecord user) => user with
    {
        IsOnline = IsOnline,
        LastOnlineTime = LastOnlineTime,
        LastAlive = LastAlive,
        OnlineRevision = OnlineRevision,
        NotifiableRevision = NotifiableRevision,
        KnownRevision = KnownRevision,
        Revision = Revision,
    };

    /// <inheritdoc cref="UserRecord.IsKnown"/>
    public bool IsKnown(ServiceConfiguration configuration) => configuration.ShowsReachabilitySince(KnownRevision);
}
