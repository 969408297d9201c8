using GrpcPresence.Core.Domain.ApiKeys;
using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Domain.Users;
using GrpcPresence.Server.Grpc.Forwarding.Wire;
using GrpcPresence.Server.Security.Authentication;

namespace GrpcPresence.Server.Grpc.Forwarding;

/// <summary>Converts callers for the way between two nodes.</summary>
internal static class ForwardedCallers
{
    /// <summary>Returns what the owner must know of the caller: for the handler, for the audit log, and for the writer.</summary>
    public static ForwardedCaller ToMessage(this Caller caller) => new()
    {
        Kind = (int)caller.Kind,
        Name = caller.Name,
        Role = (int)caller.Role,
        ApiKeySid = caller.ApiKey?.ToString() ?? "",
        ServiceSid = caller.Scope?.ToString() ?? "",
        Identity = caller.Identity?.ToString() ?? "",
    };

    /// <summary>Returns the caller that another node has authenticated.</summary>
    /// <exception cref="InvalidOperationException">The message has not the form that <see cref="ToMessage"/> gives it.</exception>
    public static Caller ToCaller(this ForwardedCaller message) => Caller.Forwarded(
        (CallerKind)message.Kind,
        message.Name,
        (ApiKeyRole)message.Role,
        Read<ApiKeySid>(message.ApiKeySid, ApiKeySid.TryParse),
        Read<ServiceSid>(message.ServiceSid, ServiceSid.TryParse),
        Read<Identity>(message.Identity, Identity.TryParse));

    private delegate bool TryParse<T>(string text, out T value);

    // An unreadable scope or identity must never become none: that would be a caller with more rights.
    private static T? Read<T>(string text, TryParse<T> tryParse)
        where T : struct
    {
        if (text.Length == 0)
            return null;
        return tryParse(text, out var value) ? value : throw new InvalidOperationException("A node has forwarded an invalid caller.");
    }
}
