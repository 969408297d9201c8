using GrpcPresence.Core.Domain.Users;
using GrpcPresence.Core.Watching;

namespace GrpcPresence.Testing.Watching;

/// <summary>What one update tells of a user, whatever it came over.</summary>
/// <param name="Sid">The SID.</param>
/// <param name="Identity">The identity.</param>
/// <param name="Revision">The revision that clients see.</param>
/// <param name="Row">The revision of the user's own row, which a switch of reachability does not move.</param>
/// <param name="Reasons">What is said to have changed.</param>
public sealed record ToldUser(UserSid Sid, Identity Identity, long Revision, long Row, UpdateReasons Reasons)
{
    /// <summary>Whether the user is gone.</summary>
    public bool IsDeleted { get; init; }

    /// <summary>As it was told.</summary>
    public bool? IsOnline { get; init; }

    /// <summary>As it was told.</summary>
    public bool? IsNotifiable { get; init; }

    /// <summary>As it was told.</summary>
    public string? FriendlyName { get; init; }

    /// <summary>What the domain's own update tells.</summary>
    public static ToldUser Of(UserUpdate update)
    {
        var state = update.State;
        return new ToldUser(state.Sid, state.Identity, state.Revision, state.Record?.Revision ?? state.Revision, update.Reasons)
        {
            IsDeleted = state.IsDeleted,
            IsOnline = state.IsOnline,
            IsNotifiable = state.IsNotifiable,
            FriendlyName = state.Record?.FriendlyName,
        };
    }
}
