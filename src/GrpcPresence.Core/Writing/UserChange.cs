using GrpcPresence.Core.Domain.Users;

namespace GrpcPresence.Core.Writing;

/// <summary>One committed change of a user.</summary>
/// <param name="State">What is visible after the change.</param>
/// <param name="Reasons">The reasons of the change.</param>
/// <param name="Revision">The revision of the change.</param>
/// <param name="Previous">
/// The revision of the user's last change before this one, 0 for a new user; <see cref="long.MaxValue"/> if it is not known.
/// </param>
public readonly record struct UserChange(UserState State, UpdateReasons Reasons, long Revision, long Previous = long.MaxValue);
