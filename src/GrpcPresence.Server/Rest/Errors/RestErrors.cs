using System.Globalization;
using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Server.Errors;
using GrpcPresence.Server.Rest.Http;

namespace GrpcPresence.Server.Rest.Errors;

/// <summary>Decides what the client of a REST request that failed is told. Safe from any thread.</summary>
internal sealed class RestErrors(ErrorMapper mapper, IHostApplicationLifetime lifetime)
{
    private const string FaultText = "The server failed.";

    /// <summary>Tells the client. Nothing of the response may have been sent.</summary>
    public Task WriteAsync(HttpContext http, Exception thrown) => thrown switch
    {
        PresenceException refusal when refusal.Violations.Any(violation => ParameterNames.IsInPath(violation.Field)) => WriteNotFoundAsync(http),
        PresenceException { Reason: not ErrorReason.Internal } refusal => WriteAsync(http, refusal),
        RestException refusal => WriteAsync(http, refusal),
        BadHttpRequestException refusal => WriteAsync(http, new RestError(refusal.StatusCode, 20001), refusal.Message),
        _ when IsEndOfCall(http, thrown) => WriteEndAsync(http),
        _ => WriteFaultAsync(http, thrown),
    };

    /// <summary>Tells the client that there is nothing. Of what cannot be the name of anything the product says the same.</summary>
    public static Task WriteNotFoundAsync(HttpContext http) => WriteAsync(http, ErrorTable.RestOf(ErrorReason.UserNotFound), NotFound(http));

    /// <summary>Why a stream ends whose response has begun; null when there is nobody left to tell. A fault is logged.</summary>
    public PresenceException? FindEnd(HttpContext http, Exception thrown) => thrown switch
    {
        PresenceException { Reason: not ErrorReason.Internal } end => end,
        // A write to a connection that was aborted meanwhile says so in several ways.
        _ when http.RequestAborted.IsCancellationRequested => null,
        _ => new PresenceException(ErrorReason.Internal, FaultText, thrown)
        {
            Details = new Dictionary<string, string> { [ErrorDetails.CorrelationIdKey] = LogFault(http, thrown) },
        },
    };

    private static Task WriteAsync(HttpContext http, RestException refusal)
    {
        if (refusal.Allow is { } allow)
            http.Response.Headers.Allow = allow;
        return WriteAsync(http, refusal.Error, refusal.Message);
    }

    private static Task WriteAsync(HttpContext http, PresenceException refusal)
    {
        var error = ErrorTable.RestOf(refusal.Reason);
        if (error.Status == StatusCodes.Status401Unauthorized)
            http.Response.Headers.WWWAuthenticate = "Basic realm=\"GrpcPresence\"";
        if (ErrorDetails.RetryDelayOf(refusal) is { } delay)
            http.Response.Headers.RetryAfter = Math.Ceiling(delay.TotalSeconds).ToString(CultureInfo.InvariantCulture);
        return WriteAsync(http, error, error.Status == StatusCodes.Status404NotFound ? NotFound(http) : TextOf(refusal), DetailsOf(refusal));
    }

    // Who has gone away hears nothing.
    private Task WriteEndAsync(HttpContext http) =>
        lifetime.ApplicationStopping.IsCancellationRequested ? WriteAsync(http, PresenceErrors.ServerStopping()) : Task.CompletedTask;

    private Task WriteFaultAsync(HttpContext http, Exception fault)
    {
        var details = new RestErrorDetails { Reason = ErrorTable.NameOf(ErrorReason.Internal), CorrelationId = LogFault(http, fault) };
        return WriteAsync(http, ErrorTable.RestOf(ErrorReason.Internal), FaultText, details);
    }

    private string LogFault(HttpContext http, Exception fault) =>
        mapper.LogFault(fault, http.Request.Method + " " + (http.GetEndpoint()?.DisplayName ?? ""));

    private static bool IsEndOfCall(HttpContext http, Exception thrown) =>
        http.RequestAborted.IsCancellationRequested && thrown is OperationCanceledException or IOException;

    // The product's words.
    private static string NotFound(HttpContext http) => $"The requested resource {http.Request.Path} was not found";

    private static string TextOf(PresenceException refusal) => refusal.Violations.Count == 0
        ? ErrorDetails.TextOf(refusal)
        : string.Join("; ", refusal.Violations.Select(violation => $"{ParameterNames.Of(violation.Field)}: {violation.Description}"));

    private static RestErrorDetails DetailsOf(PresenceException refusal) => new()
    {
        Reason = ErrorTable.NameOf(refusal.Reason),
        Violations = refusal.Violations.Count == 0 ? null : [.. refusal.Violations.Select(ToRest)],
    };

    private static RestViolation ToRest(Violation violation) =>
        new(ParameterNames.Of(violation.Field), ErrorTable.NameOf(violation.Reason), violation.Description);

    private static Task WriteAsync(HttpContext http, RestError error, string message, RestErrorDetails? details = null)
    {
        http.Response.StatusCode = error.Status;
        var body = new RestErrorBody { Code = error.Code, Message = message, Status = error.Status, Details = details };
        return http.Response.WriteAsJsonAsync(body, RestJson.Options, http.RequestAborted);
    }
}
