using GrpcPresence.Core.Domain.Users;
using GrpcPresence.Core.Watching;

namespace GrpcPresence.Testing.Watching;

/// <summary>The content of one user update, whatever the protocol.</summary>
/// <param name="Sid">The SID.</param>
/// <param name="Identity">The identity.</param>
/// <param name="Revision">The revision that clients see.</param>
/// <param name="Row">The revision of the user's own row, which a switch of reachability does not change.</param>
/// <param name="Reasons">The reasons of the update.</param>
public sealed record ReceivedUser(UserSid Sid, Identity Identity, long Revision, long Row, UpdateReasons Reasons)
{
    /// <summary>Whether the user is deleted.</summary>
    public bool IsDeleted { get; init; }

    /// <summary>The received value.</summary>
    public bool? IsOnline { get; init; }

    /// <summary>The received value.</summary>
    public bool? IsNotifiable { get; init; }

    /// <summary>The received value.</summary>
    public string? FriendlyName { get; init; }

    /// <summary>Converts an update of the domain.</summary>
    public static ReceivedUser Of(UserUpdate update)
    {
        var state = update.State;
        return new ReceivedUser(state.Sid, state.Identity, state.Revision, state.Record?.Revision ?? state.Revision, update.Reasons)
        {
            IsDeleted = state.IsDeleted,
            IsOnline = state.IsOnline,
            IsNotifiable = state.IsNotifiable,
            FriendlyName = state.Record?.FriendlyName,
        };
    }
}
