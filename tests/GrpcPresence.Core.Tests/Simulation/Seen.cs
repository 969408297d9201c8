using GrpcPresence.Core.Users;

namespace GrpcPresence.Core.Tests.Simulation;

/// <summary>What a client knows of a user.</summary>
/// <param name="State">The last state that it was sent.</param>
/// <param name="Told">The revision of the row up to which it was told of every change.</param>
internal sealed record Seen(UserState State, long Told);
