using GrpcPresence.Client.Sessions;
using GrpcPresence.V1;

namespace GrpcPresence.Client;

/// <summary>What a watch watches.</summary>
public sealed record WatchOptions
{
    private const int MaxUserKeys = 1000;

    /// <summary>Watches all users of the service instance, with their whole state.</summary>
    public static WatchOptions Everybody { get; } = new();

    /// <summary>
    /// The users, by SID or identity, at most 1,000. Empty means all users. An identity need not exist yet. The watch keeps a copy.
    /// </summary>
    public IReadOnlyList<string> UserKeys { get; init; } = [];

    /// <summary>
    /// The fields of users to receive. Default everything. A smaller view saves traffic and memory:
    /// <see cref="UserView.Reachability"/> is enough to show who is online.
    /// </summary>
    public UserView View { get; init; } = UserView.Full;

    /// <summary>
    /// The reasons whose changes to receive. Empty, the default, means all changes of fields in the view. Deletions always arrive. A
    /// field whose reason is left out may be out of date. The watch keeps a copy.
    /// </summary>
    public IReadOnlyList<UpdateReason> Reasons { get; init; } = [];

    /// <summary>
    /// The user whose access token the watch presents. By default <see cref="PresenceClientOptions.Identity"/>. Without access tokens it
    /// has no effect.
    /// </summary>
    public string? Identity { get; init; }

    /// <summary>Watches these users, by SID or identity, with their whole state.</summary>
    public static WatchOptions For(params IReadOnlyList<string> userKeys) => new() { UserKeys = userKeys };

    /// <summary>
    /// Returns a copy that has lists of its own. Each reconnection sends the request again, so a list that changes would change the watch,
    /// and an element that cannot be sent would make it try again and again.
    /// </summary>
    /// <exception cref="ArgumentException">Elements are wrong. The message names each of them.</exception>
    internal WatchOptions CopyValidated()
    {
        // Nullable annotations bind only a program that enables them.
        var copy = this with { UserKeys = [.. UserKeys ?? []], Reasons = [.. Reasons ?? []] };
        string[] violations = [.. copy.FindViolations()];
        return violations.Length == 0
            ? copy
            : throw new ArgumentException($"Wrong settings in WatchOptions. {string.Join(" ", violations)}");
    }

    private IEnumerable<string> FindViolations()
    {
        if (UserKeys.Count > MaxUserKeys)
            yield return $"UserKeys must have at most {MaxUserKeys} elements; it has {UserKeys.Count}.";
        for (var i = 0; i < UserKeys.Count; i++)
        {
            if (string.IsNullOrEmpty(UserKeys[i]))
                yield return $"UserKeys[{i}] must not be {(UserKeys[i] is null ? "null" : "empty")}.";
            else if (SessionKeys.IsTooLong(UserKeys[i]))
                yield return $"UserKeys[{i}] must have at most {SessionKeys.MaxUserKeyLength} characters.";
        }
        for (var i = 0; i < Reasons.Count; i++)
        {
            if (Reasons[i] == UpdateReason.Unspecified)
                yield return $"Reasons[{i}] must name a reason.";
        }
    }
}
