using System.Globalization;
using System.Text;
using Google.Protobuf.WellKnownTypes;
using Google.Rpc;
using Grpc.Core;
using GrpcPresence.Core.Domain;
using GrpcPresence.Core.Domain.Errors;

namespace GrpcPresence.Server.Errors;

/// <summary>Converts an error to its wire format: a status, and <c>google.rpc.Status</c> with its details in the trailers.</summary>
internal static class ErrorDetails
{
    /// <summary>The domain of every <c>google.rpc.ErrorInfo</c>.</summary>
    public const string Domain = "grpc-presence";

    /// <summary>The metadata key of the id under which the log has the details of an INTERNAL error.</summary>
    public const string CorrelationIdKey = "correlation_id";

    /// <summary>
    /// The maximum size of an error's trailers in bytes, as they are sent. Clients accept 8 KiB of headers, and proxies 4 KiB: with more,
    /// the client loses the whole error.
    /// </summary>
    public const int MaxTrailerBytes = 3 * 1024;

    /// <summary>The maximum size of the message in bytes, as it is sent. It is sent twice, and the violations need the rest.</summary>
    private const int MaxMessageBytes = 512;

    /// <summary>The bytes of grpc-status, and of the names of the message and the details.</summary>
    private const int NameBytes = 64;

    /// <summary>The bytes around a packed detail: its tag, its type, and the lengths.</summary>
    private const int PackingBytes = 64;

    /// <summary>The bytes around a violation: its tag and its length.</summary>
    private const int EntryBytes = 4;

    /// <summary>
    /// How long a client should wait after UNAVAILABLE: longer than most commits take to succeed again, but short enough for a person to
    /// wait.
    /// </summary>
    public static readonly TimeSpan RetryDelay = TimeSpan.FromSeconds(1);

    /// <summary>Converts the error to an exception that gRPC sends. Its trailers have at most <see cref="MaxTrailerBytes"/>.</summary>
    public static RpcException ToRpcException(PresenceException exception)
    {
        var info = NewInfo(exception.Reason);
        foreach (var (key, value) in exception.Details)
            info.Metadata[key] = value;
        var status = NewStatus(exception.Reason, Shorten(TextOf(exception)));
        status.Details.Add(Any.Pack(info));
        if (RetryDelayOf(exception) is { } delay)
            status.Details.Add(Any.Pack(new RetryInfo { RetryDelay = Duration.FromTimeSpan(delay) }));
        // A long value is omitted rather than shortened: a program would take the rest for another value.
        while (SizeOf(status) > MaxTrailerBytes && info.Metadata.Count > 0)
        {
            info.Metadata.Remove(info.Metadata.MaxBy(pair => pair.Value.Length).Key);
            status.Details[0] = Any.Pack(info);
        }
        if (exception.Violations.Count > 0)
            status.Details.Insert(1, Any.Pack(BadRequestOf(exception.Violations, MaxTrailerBytes - SizeOf(status))));
        return status.ToRpcException();
    }

    /// <summary>Creates an INTERNAL error that contains only the id under which the log has the details.</summary>
    public static RpcException Internal(string correlationId)
    {
        var info = NewInfo(ErrorReason.Internal);
        info.Metadata[CorrelationIdKey] = correlationId;
        var status = NewStatus(ErrorReason.Internal, "");
        status.Details.Add(Any.Pack(info));
        return status.ToRpcException();
    }

    /// <summary>Returns how long the client should wait before a retry, or null when a retry does not help.</summary>
    public static TimeSpan? RetryDelayOf(PresenceException exception) =>
        ErrorTable.StatusOf(exception.Reason) == StatusCode.Unavailable ? RetryDelay : exception.RetryAfter;

    private static ErrorInfo NewInfo(ErrorReason reason) => new() { Domain = Domain, Reason = ErrorTable.NameOf(reason) };

    /// <summary>
    /// Returns the first violations that fit into the bytes of trailers. If some do not fit, the last one says how many.
    /// </summary>
    private static BadRequest BadRequestOf(IReadOnlyList<Violation> violations, int bytes)
    {
        var available = (bytes * 3 / 4) - PackingBytes;
        var badRequest = new BadRequest();
        for (var i = 0; i < violations.Count; i++)
        {
            var rest = violations.Count - i - 1;
            var next = new BadRequest.Types.FieldViolation
            {
                Field = violations[i].Field,
                Reason = ErrorTable.NameOf(violations[i].Reason),
                Description = violations[i].Description,
            };
            badRequest.FieldViolations.Add(next);
            if (badRequest.CalculateSize() + (rest > 0 ? Omitted(rest).CalculateSize() + EntryBytes : 0) <= available)
                continue;
            badRequest.FieldViolations.Remove(next);
            badRequest.FieldViolations.Add(Omitted(rest + 1));
            break;
        }
        return badRequest;
    }

    // The reader of a request stops counting at some number, so there may be more.
    private static BadRequest.Types.FieldViolation Omitted(int count) =>
        new() { Description = string.Create(CultureInfo.InvariantCulture, $"At least {count} more violations are omitted.") };

    /// <summary>
    /// Returns a message for people. The details contain the other violations. The message of a storage error may contain file names,
    /// so it is replaced.
    /// </summary>
    public static string TextOf(PresenceException exception) => VisibleText.Of(exception switch
    {
        StorageException => "The store is temporarily unavailable. Retry later.",
        { Violations: [var only] } => $"{only.Field}: {only.Description}",
        { Violations: [var first, ..] } => $"{first.Field}: {first.Description} (and {exception.Violations.Count - 1} more)",
        _ => exception.Message,
    });

    /// <summary>
    /// Returns the bytes of the trailers: the message with percent-encoding, and the details in base64. Both names count too.
    /// </summary>
    private static int SizeOf(Google.Rpc.Status status) =>
        NameBytes + EncodedBytes(status.Message) + ((status.CalculateSize() + 2) / 3 * 4);

    private static string Shorten(string text)
    {
        const string Ellipsis = " …";
        if (EncodedBytes(text) <= MaxMessageBytes)
            return text;
        var shortened = new StringBuilder();
        var left = MaxMessageBytes - EncodedBytes(Ellipsis);
        foreach (var rune in text.EnumerateRunes())
        {
            left -= EncodedBytes(rune.ToString());
            if (left < 0)
                break;
            shortened.Append(rune);
        }
        return shortened.Append(Ellipsis).ToString();
    }

    // gRPC encodes each byte that is not printable ASCII as % and two digits, and the percent sign too.
    private static int EncodedBytes(string text) =>
        Encoding.UTF8.GetBytes(text).Sum(octet => octet is >= 0x20 and <= 0x7E and not 0x25 ? 1 : 3);

    private static Google.Rpc.Status NewStatus(ErrorReason reason, string text) =>
        new() { Code = (int)ErrorTable.StatusOf(reason), Message = text };
}
