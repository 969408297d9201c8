namespace GrpcPresence.Core.Presence;

/// <summary>The live sessions of a user.</summary>
/// <param name="Sessions">The sessions, the most recent heartbeat first.</param>
/// <param name="Recovering">
/// Whether an anonymous session also keeps the user online, because the user was online when the process started.
/// </param>
public sealed record SessionList(IReadOnlyList<SessionInfo> Sessions, bool Recovering);
