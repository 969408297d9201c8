using GrpcPresence.V1;

namespace GrpcPresence.Client;

/// <summary>What a watch watches.</summary>
public sealed record WatchOptions
{
    /// <summary>Watches all users of the service instance, with their whole state.</summary>
    public static WatchOptions Everybody { get; } = new();

    /// <summary>
    /// The users, by SID or identity, at most 1,000. Empty means all users. An identity need not exist yet.
    /// </summary>
    public IReadOnlyList<string> UserKeys { get; init; } = [];

    /// <summary>
    /// The fields of users to receive. Default everything. A smaller view saves traffic and memory:
    /// <see cref="UserView.Reachability"/> is enough to show who is online.
    /// </summary>
    public UserView View { get; init; } = UserView.Full;

    /// <summary>
    /// The reasons whose changes to receive. Empty, the default, means all changes of fields in the view. Deletions always arrive. A
    /// field whose reason is left out may be out of date.
    /// </summary>
    public IReadOnlyList<UpdateReason> Reasons { get; init; } = [];

    /// <summary>
    /// The user whose access token the watch presents. By default <see cref="PresenceClientOptions.Identity"/>. Without access tokens it
    /// has no effect.
    /// </summary>
    public string? Identity { get; init; }

    /// <summary>Watches these users, by SID or identity, with their whole state.</summary>
    public static WatchOptions For(params IReadOnlyList<string> userKeys) => new() { UserKeys = userKeys };
}
