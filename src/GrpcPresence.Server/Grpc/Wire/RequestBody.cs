using System.Buffers;
using System.Buffers.Binary;
using System.IO.Pipelines;
using System.Runtime.CompilerServices;
using Grpc.Core;
using GrpcPresence.Core.Domain;
using Microsoft.AspNetCore.Http.Features;

namespace GrpcPresence.Server.Grpc.Wire;

/// <summary>
/// A request body that rejects invalid message prefixes, and reports an aborted body as CANCELLED. Without it gRPC returns UNKNOWN, and
/// logs a client error as a server error. gRPC consumes whole messages, so each read begins with a prefix: one byte for compression and
/// four for the length.
/// </summary>
/// <param name="body">The body to read.</param>
/// <param name="isBase64">Whether Grpc.AspNetCore.Web decodes the body from base64. It reports invalid base64 as an
/// InvalidOperationException.</param>
internal sealed class RequestBody(PipeReader body, bool isBase64 = false) : PipeReader, IRequestBodyPipeFeature
{
    private const byte Compressed = 1;
    private const int LengthAt = 1;
    private const int PrefixBytes = LengthAt + sizeof(uint);

    /// <inheritdoc/>
    public PipeReader Reader => this;

    /// <summary>Kestrel's exception for an aborted body. Null until a read has seen it.</summary>
    public IOException? AbortedBy { get; private set; }

    /// <summary>Returns the body that <see cref="RequestBodyMiddleware"/> has set for the request.</summary>
    public static RequestBody Of(HttpContext request) => (RequestBody)request.Features.GetRequiredFeature<IRequestBodyPipeFeature>();

    /// <inheritdoc/>
    public override bool TryRead(out ReadResult result)
    {
        try
        {
            var read = body.TryRead(out result);
            if (read)
                result = Check(result);
            return read;
        }
        catch (Exception exception) when (ErrorOf(exception) is { } error)
        {
            throw error;
        }
    }

    /// <inheritdoc/>
    public override ValueTask<ReadResult> ReadAsync(CancellationToken cancellationToken = default)
    {
        try
        {
            var read = body.ReadAsync(cancellationToken);
            return read.IsCompletedSuccessfully ? new ValueTask<ReadResult>(Check(read.Result)) : CheckAsync(read);
        }
        catch (Exception exception) when (ErrorOf(exception) is { } error)
        {
            throw error;
        }
    }

    /// <inheritdoc/>
    public override void AdvanceTo(SequencePosition consumed) => AdvanceTo(consumed, consumed);

    /// <inheritdoc/>
    public override void AdvanceTo(SequencePosition consumed, SequencePosition examined)
    {
        // Kestrel throws the exception for a reset from the next call, which is as often this one as a read.
        try
        {
            body.AdvanceTo(consumed, examined);
        }
        catch (Exception exception) when (ErrorOf(exception) is { } error)
        {
            throw error;
        }
    }

    /// <inheritdoc/>
    public override void CancelPendingRead() => body.CancelPendingRead();

    /// <inheritdoc/>
    public override void Complete(Exception? exception = null) => body.Complete(exception);

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<ReadResult> CheckAsync(ValueTask<ReadResult> read)
    {
        try
        {
            return Check(await read);
        }
        catch (Exception exception) when (ErrorOf(exception) is { } error)
        {
            throw error;
        }
    }

    private ReadResult Check(ReadResult read)
    {
        if (ErrorOf(read.Buffer) is not { } error)
            return read;
        body.AdvanceTo(read.Buffer.Start);
        throw new RpcException(error);
    }

    /// <summary>Returns gRPC's error for the exception, or null for a server error.</summary>
    private RpcException? ErrorOf(Exception exception) => exception switch
    {
        IOException aborted => Aborted(aborted),
        InvalidOperationException when isBase64 =>
            new RpcException(new Status(StatusCode.Internal, "The message cannot be decoded. Its base64 is invalid or incomplete.")),
        _ => null,
    };

    // Another thread cancels the call's token too, sometimes later. Code that checks only the token would treat this as a server error.
    private RpcException Aborted(IOException exception)
    {
        AbortedBy = exception;
        return new RpcException(exception is BadHttpRequestException { StatusCode: StatusCodes.Status413PayloadTooLarge }
            ? new Status(StatusCode.ResourceExhausted, "The message is too large.")
            : new Status(StatusCode.Cancelled, "The client aborted the request."));
    }

    private static Status? ErrorOf(ReadOnlySequence<byte> buffer)
    {
        if (buffer.IsEmpty)
            return null;
        if (buffer.FirstSpan[0] > Compressed)
            return new Status(StatusCode.Internal, "The message cannot be decoded. Its compression flag must be 0 or 1.");
        return buffer.Length >= PrefixBytes && LengthOf(buffer) > int.MaxValue
            ? new Status(StatusCode.ResourceExhausted, $"The message is too large. The maximum is {Limits.ReceivedMessageBytes} bytes.")
            : null;
    }

    private static uint LengthOf(ReadOnlySequence<byte> buffer)
    {
        if (buffer.FirstSpan.Length >= PrefixBytes)
            return BinaryPrimitives.ReadUInt32BigEndian(buffer.FirstSpan[LengthAt..]);
        Span<byte> length = stackalloc byte[sizeof(uint)];
        buffer.Slice(LengthAt, sizeof(uint)).CopyTo(length);
        return BinaryPrimitives.ReadUInt32BigEndian(length);
    }
}
