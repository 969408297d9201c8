using GrpcPresence.Core.Users;

namespace GrpcPresence.Core.Changes;

/// <summary>One committed change of a user.</summary>
/// <param name="State">What is visible after it.</param>
/// <param name="Reasons">What it changed.</param>
/// <param name="Revision">The revision that it took.</param>
public readonly record struct UserChange(UserState State, UpdateReasons Reasons, long Revision);
