namespace GrpcPresence.Core.Presence;

/// <summary>The live sessions of a user.</summary>
/// <param name="Sessions">The most recent heartbeat first.</param>
/// <param name="Recovering">Whether the user is also held online because of having been online at the start.</param>
public sealed record SessionList(IReadOnlyList<SessionInfo> Sessions, bool Recovering);
