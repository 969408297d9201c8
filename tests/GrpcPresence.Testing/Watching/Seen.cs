namespace GrpcPresence.Testing.Watching;

/// <summary>What a client knows of a user.</summary>
/// <param name="User">The last update that it received.</param>
/// <param name="ReceivedUpTo">The revision of the row up to which it received every change.</param>
public sealed record Seen(ReceivedUser User, long ReceivedUpTo);
