using GrpcPresence.Core.Domain;
using GrpcPresence.Server.Errors;
using GrpcPresence.Server.Settings;

namespace GrpcPresence.Server.Rest.Errors;

/// <summary>Reports a request that is invalid at the level of HTTP.</summary>
internal sealed class RestException(RestError error, string message) : Exception(message)
{
    /// <summary>The error of the response.</summary>
    public RestError Error => error;

    /// <summary>The methods that the path supports; null if the method is not the problem.</summary>
    public string? Allow { get; private init; }

    /// <summary>Reports that the body does not have the media type of forms.</summary>
    public static RestException UnsupportedMediaType(string expected) =>
        new(
            new RestError(StatusCodes.Status415UnsupportedMediaType, 20415),
            $"Unsupported media type. Send the body as {expected} in UTF-8.");

    /// <summary>Reports that the body is compressed or encoded in another way.</summary>
    public static RestException ContentEncodingUnsupported() => new(
        new RestError(StatusCodes.Status415UnsupportedMediaType, 20415),
        "Unsupported content encoding. Send the body uncompressed and without Content-Encoding.");

    /// <summary>Reports that the body has a transfer coding other than chunks (RFC 9112, section 6.1).</summary>
    public static RestException TransferEncodingUnknown() => new(
        new RestError(StatusCodes.Status501NotImplemented, 20501), "Unknown transfer encoding. Send the body uncompressed.");

    /// <summary>Reports that a text of the path, the query or the form is not UTF-8.</summary>
    public static RestException NotUtf8() =>
        new(new RestError(StatusCodes.Status400BadRequest, 20001), "The request contains a text that is not valid UTF-8.");

    /// <summary>Reports a page number without a token.</summary>
    public static RestException PageTokenRequired() =>
        new(new RestError(StatusCodes.Status400BadRequest, 20001), "PageToken is required for paging.");

    /// <summary>Reports that the path does not support the method.</summary>
    public static RestException MethodNotAllowed(string allowed) =>
        new(
            new RestError(StatusCodes.Status405MethodNotAllowed, 20004), $"The resource does not support this method. Use {allowed}.")
        {
            Allow = allowed,
        };

    /// <summary>Reports that a page asks for a change that the settings do not allow its origin.</summary>
    public static RestException ForeignOrigin() => new(
        new RestError(StatusCodes.Status403Forbidden, 20403),
        $"Pages of this origin may not change data. Add the origin to the setting {nameof(ServerSettings.AllowedOrigins)}.");

    /// <summary>Reports that the body did not arrive in time.</summary>
    public static RestException BodyTooSlow() => new(
        new RestError(StatusCodes.Status408RequestTimeout, RestError.CodeOf(StatusCodes.Status408RequestTimeout)),
        $"The body did not arrive within {Limits.RequestBodyTime.TotalSeconds} s.");

    /// <summary>Reports that the caller has sent the beginning of too many bodies.</summary>
    public static RestException TooManyIncomplete() => new(
        new RestError(StatusCodes.Status429TooManyRequests, RestError.CodeOf(StatusCodes.Status429TooManyRequests)),
        "Too many messages of the caller are incomplete. Send whole messages.");

    /// <summary>Reports that HTTP cannot read the body: its chunks are malformed, or it ended too early.</summary>
    public static RestException BodyMalformed() =>
        new(new RestError(StatusCodes.Status400BadRequest, 20001), "The body is malformed or incomplete.");

    /// <summary>Reports that the query is invalid.</summary>
    public static RestException QueryInvalid(string why) =>
        new(new RestError(StatusCodes.Status400BadRequest, 20001), $"The query is invalid. {why}");

    /// <summary>Reports that the body is not a valid form.</summary>
    public static RestException FormInvalid(string why) =>
        new(new RestError(StatusCodes.Status400BadRequest, 20001), $"The form is invalid. {why}");
}
