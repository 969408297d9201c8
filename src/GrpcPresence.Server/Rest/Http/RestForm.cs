using GrpcPresence.Core.Domain;
using GrpcPresence.Server.Rest.Errors;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Primitives;
using Microsoft.Net.Http.Headers;

namespace GrpcPresence.Server.Rest.Http;

/// <summary>Reads the form of a request.</summary>
internal static class RestForm
{
    /// <summary>The only media type that request bodies may have.</summary>
    public const string MediaType = "application/x-www-form-urlencoded";

    private static readonly FormOptions Options = new() { ValueCountLimit = Limits.FormValues, ValueLengthLimit = Limits.FormBytes };

    /// <summary>Returns the form, or an empty one when the request has no body.</summary>
    /// <exception cref="RestException">The body has another media type, or is not a form.</exception>
    /// <exception cref="BadHttpRequestException">The body is too large or incomplete.</exception>
    public static async ValueTask<IFormCollection> ReadAsync(HttpContext http)
    {
        var request = http.Request;
        if (http.Features.Get<IHttpRequestBodyDetectionFeature>() is { CanHaveBody: false })
            return FormCollection.Empty;
        if (!MediaTypeHeaderValue.TryParse(request.ContentType, out var type)
            || !type.MediaType.Equals(MediaType, StringComparison.OrdinalIgnoreCase)
            || !IsUtf8(type.Charset))
        {
            throw RestException.UnsupportedMediaType(MediaType);
        }
        try
        {
            return await request.ReadFormAsync(Options, http.RequestAborted);
        }
        catch (InvalidDataException exception)
        {
            throw RestException.FormInvalid(exception.Message);
        }
    }

    // Percent-encoding is defined for UTF-8 (URL standard, section 5.1). The meaning of another charset depends on the machine: some throw,
    // others leave the encoding in the text.
    private static bool IsUtf8(StringSegment charset) =>
        charset.Length == 0
        || HeaderUtilities.RemoveQuotes(charset).Equals("utf-8", StringComparison.OrdinalIgnoreCase)
        || HeaderUtilities.RemoveQuotes(charset).Equals("us-ascii", StringComparison.OrdinalIgnoreCase);
}
