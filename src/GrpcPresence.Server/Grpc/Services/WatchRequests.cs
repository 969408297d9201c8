using GrpcPresence.Core.Domain;
using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Domain.Users;
using GrpcPresence.Core.Watching;
using GrpcPresence.Server.Grpc.Mapping;

namespace GrpcPresence.Server.Grpc.Services;

/// <summary>Converts requests to watches.</summary>
internal static class WatchRequests
{
    /// <summary>Converts the request to a watch.</summary>
    /// <exception cref="PresenceException">Contains every violation of the request.</exception>
    public static WatchRequest ToWatch(this V1.WatchUsersRequest request)
    {
        var reader = new RequestReader();
        var service = reader.Service(request.ServiceSid);
        var keys = reader.Users(request.UserKeys, Limits.WatchedKeys);
        var reasons = reader.Reasons(request.Reasons);
        var view = reader.View(request.View, defaultValue: UserView.Full);
        var startNow = reader.StartsNow(request.Start, request.ResumeToken);
        ResumeToken? token = null;
        if (request.ResumeToken.Length > 0 && !ResumeToken.TryDecode(request.ResumeToken, out token))
            reader.Add("resume_token", ErrorReason.ResumeTokenInvalid, "is malformed; watch without a token to receive a snapshot");
        reader.ThrowIfInvalid();
        return new WatchRequest(service, new WatchFilter(keys, reasons, view), startNow, token);
    }
}
