using System.Globalization;
using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Server.Errors;
using GrpcPresence.Server.Rest.Http;
using GrpcPresence.Server.Streams.Requests;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.WebUtilities;

namespace GrpcPresence.Server.Rest.Errors;

/// <summary>Converts exceptions to error responses of REST. Safe from any thread.</summary>
internal sealed class RestErrors(ErrorMapper mapper, IHostApplicationLifetime lifetime)
{
    private const string FaultText = "The server failed unexpectedly. Report the correlation_id to its operator.";

    /// <summary>Writes the error response. No part of the response may have been sent.</summary>
    public Task WriteAsync(HttpContext http, Exception exception)
    {
        // The endpoint may be one of a stream, which has no limit of its own for an error.
        OpenRequests.Bound(http);
        return WriteBoundedAsync(http, exception);
    }

    private Task WriteBoundedAsync(HttpContext http, Exception exception) => exception switch
    {
        PresenceException error when error.Violations.Any(violation => ParameterNames.IsInPath(violation.Field)) =>
            WriteNotFoundAsync(http),
        PresenceException { Reason: not ErrorReason.Internal } error => WriteAsync(http, error),
        RestException error => WriteAsync(http, error),
        BadHttpRequestException error => WriteAsync(http, new RestError(error.StatusCode, 20001), error.Message),
        _ when IsEndOfCall(http, exception) => WriteEndAsync(http),
        // Kestrel could not skip the rest of a body whose read failed, and would log an error about it.
        ConnectionResetException or ConnectionAbortedException => Abort(http),
        _ => WriteFaultAsync(http, exception),
    };

    /// <summary>Writes a 404 response. Twilio Conversations answers a malformed name in the same way.</summary>
    public static Task WriteNotFoundAsync(HttpContext http) =>
        WriteAsync(http, ErrorTable.RestOf(ErrorReason.UserNotFound), NotFound(http));

    /// <summary>Writes the body of an error whose status routing or gRPC has set.</summary>
    public static Task WriteStatusAsync(HttpContext http)
    {
        var status = http.Response.StatusCode;
        return status == StatusCodes.Status404NotFound
            ? WriteNotFoundAsync(http)
            : WriteAsync(http, new RestError(status, RestError.CodeOf(status)), ReasonPhrases.GetReasonPhrase(status) + ".");
    }

    /// <summary>
    /// Returns why a stream ends whose response has begun, or null when the client has disconnected. Logs an unexpected error.
    /// </summary>
    public PresenceException? FindEnd(HttpContext http, Exception exception) => exception switch
    {
        PresenceException { Reason: not ErrorReason.Internal } end => end,
        // A write to an aborted connection fails with one of several exceptions.
        _ when http.RequestAborted.IsCancellationRequested => null,
        _ => new PresenceException(ErrorReason.Internal, FaultText, exception)
        {
            Details = new Dictionary<string, string> { [ErrorDetails.CorrelationIdKey] = LogFault(http, exception) },
        },
    };

    private static Task WriteAsync(HttpContext http, RestException exception)
    {
        if (exception.Allow is { } allow)
            http.Response.Headers.Allow = allow;
        return WriteAsync(http, exception.Error, exception.Message);
    }

    private static Task WriteAsync(HttpContext http, PresenceException exception)
    {
        var error = CodeOf(exception) is { } code
            ? new RestError(StatusCodes.Status400BadRequest, code)
            : ErrorTable.RestOf(exception.Reason);
        if (error.Status == StatusCodes.Status401Unauthorized)
            http.Response.Headers.WWWAuthenticate = "Basic realm=\"GrpcPresence\"";
        if (ErrorDetails.RetryDelayOf(exception) is { } delay)
            http.Response.Headers.RetryAfter = Math.Ceiling(delay.TotalSeconds).ToString(CultureInfo.InvariantCulture);
        var text = error.Status == StatusCodes.Status404NotFound ? NotFound(http) : TextOf(exception);
        return WriteAsync(http, error, text, DetailsOf(exception));
    }

    private static Task Abort(HttpContext http)
    {
        http.Abort();
        return Task.CompletedTask;
    }

    // A client that has disconnected gets no response.
    private Task WriteEndAsync(HttpContext http) =>
        lifetime.ApplicationStopping.IsCancellationRequested ? WriteAsync(http, PresenceErrors.ServerStopping()) : Task.CompletedTask;

    private Task WriteFaultAsync(HttpContext http, Exception exception)
    {
        var details = new RestErrorDetails { Reason = ErrorTable.NameOf(ErrorReason.Internal), CorrelationId = LogFault(http, exception) };
        return WriteAsync(http, ErrorTable.RestOf(ErrorReason.Internal), FaultText, details);
    }

    private string LogFault(HttpContext http, Exception exception) =>
        mapper.LogFault(exception, http.Request.Method + " " + (http.GetEndpoint()?.DisplayName ?? ""));

    private static bool IsEndOfCall(HttpContext http, Exception exception) =>
        http.RequestAborted.IsCancellationRequested && exception is OperationCanceledException or IOException;

    // The wording of Twilio Conversations.
    private static string NotFound(HttpContext http) => $"The requested resource {http.Request.Path} was not found";

    /// <summary>Returns the code of Twilio Conversations for this violation of this parameter, or null when it defines none.</summary>
    private static int? CodeOf(PresenceException exception) => exception.Violations is [var first, ..]
        ? (ParameterNames.Of(first.Field), first.Reason) switch
        {
            ("FriendlyName", ErrorReason.FieldRequired) => 50000,
            ("FriendlyName", ErrorReason.FieldTooLong) => 50003,
            ("Identity", ErrorReason.FieldRequired) => 50204,
            ("Identity", ErrorReason.FieldTooLong) => 50207,
            _ => null,
        }
        : null;

    private static string TextOf(PresenceException exception) => exception.Violations.Count == 0
        ? ErrorDetails.TextOf(exception)
        : string.Join("; ", exception.Violations.Select(violation => $"{ParameterNames.Of(violation.Field)}: {violation.Description}"));

    private static RestErrorDetails DetailsOf(PresenceException exception) => new()
    {
        Reason = ErrorTable.NameOf(exception.Reason),
        Violations = exception.Violations.Count == 0 ? null : [.. exception.Violations.Select(ToRest)],
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
