using GrpcPresence.Core.Watching;
using GrpcPresence.Server.Grpc.Mapping;
using GrpcPresence.Server.Grpc.Services;
using GrpcPresence.Server.Grpc.Wire;
using GrpcPresence.Server.Rest.Api;
using GrpcPresence.Server.Rest.Http;
using GrpcPresence.Server.Webhooks;

namespace GrpcPresence.Server.Rest.Events;

/// <summary>The event for a change of a user.</summary>
/// <param name="User">The current user. Fields that the view does not contain are null, as are those of a deleted user.</param>
/// <param name="UpdateReasons">What changed since the last event for the user, in the names of the client SDK; empty in a snapshot.</param>
/// <param name="Revision">The revision of the state. Of two events for one user, the later has the higher revision.</param>
internal sealed record UserUpdateResource(UserResource User, IReadOnlyList<string> UpdateReasons, long Revision)
{
    /// <summary>Converts an update to a resource.</summary>
    public static UserUpdateResource Of(UserUpdate update, WatchFrame frame, RestRequest call) => new(
        UserResource.Of(update.State.ToMessage(frame.View), frame.Service.ToString(), call),
        UpdateReasonNames.Of(update.Reasons),
        update.State.Revision);
}
