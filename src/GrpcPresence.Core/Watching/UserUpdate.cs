using GrpcPresence.Core.Domain.Users;

namespace GrpcPresence.Core.Watching;

/// <summary>A state to send.</summary>
/// <param name="State">The user.</param>
/// <param name="Reasons">Why; none in a snapshot.</param>
public readonly record struct UserUpdate(UserState State, UpdateReasons Reasons);
