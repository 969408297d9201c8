using GrpcPresence.Core.Domain;
using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Server.Security;
using GrpcPresence.Server.Security.Authorization;
using GrpcPresence.Server.Streams.Http2;
using Microsoft.AspNetCore.Http.Features;

namespace GrpcPresence.Server.Streams.Requests;

/// <summary>
/// Bounds the open requests without verified credentials, in all and for each connection. No quota is charged for them. A request is open
/// until its client has read the response. Health and reflection have places of their own, so that nothing else keeps an orchestrator from
/// its probes. Safe from any thread.
/// </summary>
internal sealed class AnonymousRequests(OpenRequests open)
{
    private readonly RequestPlaces _health = new(Limits.HealthRequests, Limits.HealthRequestsPerConnection);
    private readonly RequestPlaces _reflection = new(Limits.ReflectionStreams, Limits.ReflectionStreamsPerConnection);
    private readonly RequestPlaces _others = new(Limits.AnonymousRequests, Limits.AnonymousRequestsPerConnection);

    /// <summary>Returns the error with which the request must be answered; null for none.</summary>
    public static PresenceException? FindRejection(HttpContext http) => http.Features.Get<RequestPlace>() is { IsRejected: true } place
        ? PresenceErrors.QuotaExceeded(Quota.OpenRequests, QuotaSubject.Connection, place.Limit, Limits.LevelQuotaRetry)
        : null;

    /// <summary>
    /// Counts the request unless it is counted already or has a caller. Returns false after resetting a request whose connection has so
    /// many of them that even errors to them are not read.
    /// </summary>
    public bool TryAdd(HttpContext http)
    {
        if (http.Features.Get<RequestPlace>() is not null || http.Features.Get<CallScope>() is not null)
            return true;
        if (open.Find(http) is not { } request)
            return false;
        var place = PlacesOf(http).TryTake(request, http.Connection.Id);
        if (place is null)
        {
            Reset(http);
            return false;
        }
        http.Features.Set(place);
        request.TryHold(place);
        return true;
    }

    private static void Reset(HttpContext http)
    {
        http.Features.Get<IHttpResetFeature>()?.Reset(FloodGuard.EnhanceYourCalm);
        http.Abort(); // for HTTP/1.1, and for a reset that does nothing
    }

    private RequestPlaces PlacesOf(HttpContext http) => http.GetEndpoint()?.Metadata.GetMetadata<AccessRule>() switch
    {
        { IsPublic: true } rule when rule.Method.StartsWith(AuthorizationTable.HealthPath, StringComparison.Ordinal) => _health,
        { IsPublic: true } => _reflection,
        _ => _others,
    };
}
