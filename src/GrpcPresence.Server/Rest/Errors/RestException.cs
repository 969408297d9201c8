using GrpcPresence.Server.Errors;
using GrpcPresence.Server.Settings;

namespace GrpcPresence.Server.Rest.Errors;

/// <summary>A request that is wrong as HTTP has it, before it names anything of the domain.</summary>
internal sealed class RestException(RestError error, string message) : Exception(message)
{
    /// <summary>What the client is told.</summary>
    public RestError Error => error;

    /// <summary>The methods that the path has; null where that is not what is wrong.</summary>
    public string? Allow { get; private init; }

    /// <summary>The body is of another media type than forms are.</summary>
    public static RestException UnsupportedMediaType(string expected) =>
        new(new RestError(StatusCodes.Status415UnsupportedMediaType, 20415), $"The body must be {expected}, in UTF-8.");

    /// <summary>The path has other methods.</summary>
    public static RestException MethodNotAllowed(string allowed) =>
        new(new RestError(StatusCodes.Status405MethodNotAllowed, 20004), $"The resource takes {allowed}.") { Allow = allowed };

    /// <summary>A page asks for a change that the settings do not let its origin ask for.</summary>
    public static RestException ForeignOrigin() => new(
        new RestError(StatusCodes.Status403Forbidden, 20403), $"Pages of this origin may change nothing here. {nameof(ServerSettings.AllowedOrigins)} names those that may.");

    /// <summary>The body is no form.</summary>
    public static RestException FormInvalid(string why) => new(new RestError(StatusCodes.Status400BadRequest, 20001), $"The form cannot be read. {why}");
}
