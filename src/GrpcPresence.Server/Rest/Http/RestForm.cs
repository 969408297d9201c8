using GrpcPresence.Core.Domain;
using GrpcPresence.Server.Rest.Errors;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Primitives;
using Microsoft.Net.Http.Headers;

namespace GrpcPresence.Server.Rest.Http;

/// <summary>Reads the form of a request.</summary>
internal static class RestForm
{
    /// <summary>The one media type that requests have.</summary>
    public const string MediaType = "application/x-www-form-urlencoded";

    private static readonly FormOptions Options = new() { ValueCountLimit = Limits.FormValues, ValueLengthLimit = Limits.FormBytes };

    /// <summary>The form; an empty one where there is no body.</summary>
    /// <exception cref="RestException">Of another media type, or no form.</exception>
    /// <exception cref="BadHttpRequestException">Too large, or broken off.</exception>
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

    // Percent-encoding is of UTF-8 (URL, section 5.1). What another name leads to depends on the machine: some throw, others leave the
    // encoding in the text.
    private static bool IsUtf8(StringSegment charset) =>
        charset.Length == 0
        || HeaderUtilities.RemoveQuotes(charset).Equals("utf-8", StringComparison.OrdinalIgnoreCase)
        || HeaderUtilities.RemoveQuotes(charset).Equals("us-ascii", StringComparison.OrdinalIgnoreCase);
}
