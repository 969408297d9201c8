using GrpcPresence.Core.Watching;
using GrpcPresence.Server.Mapping;
using GrpcPresence.Server.Rest.Calls;
using GrpcPresence.Server.Rest.Resources;

namespace GrpcPresence.Server.Rest.Updates;

/// <summary>What an event tells of a user.</summary>
/// <param name="User">The user as it is now. Of a deleted one, and in a smaller view, what is not told is null.</param>
/// <param name="UpdateReasons">What changed since the user was last told of, in the words of the client SDK; nothing in a snapshot.</param>
/// <param name="Revision">The revision of the state: of two events of one user, the later has the higher.</param>
internal sealed record UserUpdateResource(UserResource User, IReadOnlyList<string> UpdateReasons, long Revision)
{
    /// <summary>The resource of an update.</summary>
    public static UserUpdateResource Of(UserUpdate update, WatchFrame frame, RestCall call) => new(
        UserResource.Of(update.State.ToMessage(frame.View), frame.Service.ToString(), call), ReasonWords.Of(update.Reasons), update.State.Revision);
}
