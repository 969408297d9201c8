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

    /// <summary>Reports that the body is not a valid form.</summary>
    public static RestException FormInvalid(string why) =>
        new(new RestError(StatusCodes.Status400BadRequest, 20001), $"The form is invalid. {why}");
}
