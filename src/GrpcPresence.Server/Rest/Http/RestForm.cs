using System.Buffers;
using System.IO.Pipelines;
using GrpcPresence.Server.Grpc.Wire;
using GrpcPresence.Server.Rest.Errors;
using GrpcPresence.Server.Security;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Primitives;
using Microsoft.Net.Http.Headers;

namespace GrpcPresence.Server.Rest.Http;

/// <summary>Reads the form of a request.</summary>
internal static class RestForm
{
    /// <summary>The only media type that request bodies may have.</summary>
    public const string MediaType = "application/x-www-form-urlencoded";

    private const string Identity = "identity";
    private const string Chunked = "chunked";

    /// <summary>Returns the form. Without a body, or with an empty one of any type, it is empty.</summary>
    /// <exception cref="RestException">The body has another media type or encoding, is not a form, or did not arrive in time.</exception>
    /// <exception cref="BadHttpRequestException">The body is too large or incomplete.</exception>
    public static async ValueTask<UrlParameters> ReadAsync(HttpContext http, TimeProvider time)
    {
        if (http.Features.Get<IHttpRequestBodyDetectionFeature>() is { CanHaveBody: false })
            return UrlParameters.None;
        var body = http.Request.BodyReader;
        var deadline = new BodyDeadline(body, time);
        var error = FindError(http.Request);
        long held = 0;
        while (true)
        {
            var read = await ReadAsync(http, held, deadline);
            if (!read.Buffer.IsEmpty && error is not null)
            {
                body.AdvanceTo(read.Buffer.Start); // otherwise the server could not skip the rest
                throw error;
            }
            if (read.IsCompleted)
            {
                var form = read.Buffer.ToArray();
                body.AdvanceTo(read.Buffer.End);
                return UrlParameters.OfForm(form);
            }
            held = read.Buffer.Length;
            body.AdvanceTo(read.Buffer.Start, read.Buffer.End);
        }
    }

    /// <summary>Reads on. Each failure is an error of the client, because reading depends on nothing but its bytes.</summary>
    private static async ValueTask<ReadResult> ReadAsync(HttpContext http, long held, BodyDeadline deadline)
    {
        try
        {
            var reading = http.Request.BodyReader.ReadAsync(http.RequestAborted);
            return reading.IsCompleted ? await reading : await WaitAsync(http, held, deadline, reading);
        }
        // Kestrel throws several exceptions for the size of a chunk that it cannot hold. The others have their own answers.
        catch (Exception exception) when (exception
            is not (RestException or BadHttpRequestException or OperationCanceledException or ConnectionResetException
            or ConnectionAbortedException))
        {
            throw RestException.BodyMalformed();
        }
    }

    private static async ValueTask<ReadResult> WaitAsync(
        HttpContext http, long held, BodyDeadline deadline, ValueTask<ReadResult> reading)
    {
        var (caller, incomplete) = (CallScope.Of(http).Caller, ConnectionFeature<IncompleteMessages>.Of(http));
        if (incomplete?.TryAdd(caller, held) == false)
        {
            await BodyDeadline.EndAsync(http.Request.BodyReader, reading);
            throw RestException.TooManyIncomplete();
        }
        try
        {
            return await deadline.WaitAsync(reading) ?? throw RestException.BodyTooSlow();
        }
        finally
        {
            incomplete?.Remove(caller, held);
        }
    }

    private static RestException? FindError(HttpRequest request)
    {
        // The server removes chunks only. It would leave any other coding in the body.
        if (request.Headers.TransferEncoding is { Count: > 0 } codings
            && !codings.ToString().Trim().Equals(Chunked, StringComparison.OrdinalIgnoreCase))
        {
            return RestException.TransferEncodingUnknown();
        }
        if (request.Headers.ContentEncoding.Any(coding => !Identity.Equals(coding?.Trim(), StringComparison.OrdinalIgnoreCase)))
            return RestException.ContentEncodingUnsupported();
        return MediaTypeHeaderValue.TryParse(request.ContentType, out var type)
            && type.MediaType.Equals(MediaType, StringComparison.OrdinalIgnoreCase)
            && IsUtf8(type.Charset)
                ? null
                : RestException.UnsupportedMediaType(MediaType);
    }

    // Percent-encoding is defined for UTF-8 (URL standard, section 5.1). The meaning of another charset depends on the machine: some throw,
    // others leave the encoding in the text.
    private static bool IsUtf8(StringSegment charset) =>
        charset.Length == 0
        || HeaderUtilities.RemoveQuotes(charset).Equals("utf-8", StringComparison.OrdinalIgnoreCase)
        || HeaderUtilities.RemoveQuotes(charset).Equals("us-ascii", StringComparison.OrdinalIgnoreCase);
}
