using GrpcPresence.Core.Watching;
using GrpcPresence.Server.Grpc.Mapping;
using GrpcPresence.Server.Grpc.Services;
using GrpcPresence.Server.Grpc.Wire;
using GrpcPresence.Server.Rest.Api;
using GrpcPresence.Server.Rest.Http;
using GrpcPresence.Server.Webhooks;

namespace GrpcPresence.Server.Rest.Events;

/// <summary>What an event tells of a user.</summary>
/// <param name="User">The user as it is now. Of a deleted one, and in a smaller view, what is not told is null.</param>
/// <param name="UpdateReasons">What changed since the user was last told of, in the words of the client SDK; nothing in a snapshot.</param>
/// <param name="Revision">The revision of the state: of two events of one user, the later has the higher.</param>
internal sealed record UserUpdateResource(UserResource User, IReadOnlyList<string> UpdateReasons, long Revision)
{
    /// <summary>The resource of an update.</summary>
    public static UserUpdateResource Of(UserUpdate update, WatchFrame frame, RestRequest call) => new(
        UserResource.Of(update.State.ToMessage(frame.View), frame.Service.ToString(), call), UpdateReasonNames.Of(update.Reasons), update.State.Revision);
}
