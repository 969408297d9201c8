using GrpcPresence.Core.Domain.Users;

namespace GrpcPresence.Core.Storage.Batches;

/// <summary>What a transition reads of a user. <c>default</c> for a user that was not found.</summary>
/// <param name="Id">The store's key of the user; 0 if the user was not found.</param>
/// <param name="Sid">The SID.</param>
/// <param name="HadBinding">Whether the user ever had a push binding.</param>
/// <param name="Presence">What a transition changes.</param>
public readonly record struct StoredPresence(long Id, UserSid Sid, bool HadBinding, UserPresence Presence);
