namespace GrpcPresence.Testing.Watching;

/// <summary>What a client knows of a user.</summary>
/// <param name="User">What it was last told.</param>
/// <param name="Told">The revision of the row up to which it was told of every change.</param>
public sealed record Seen(ToldUser User, long Told);
