using System.Buffers;
using System.Buffers.Binary;
using System.IO.Pipelines;
using System.Runtime.CompilerServices;
using Grpc.Core;
using Microsoft.AspNetCore.Http.Features;

namespace GrpcPresence.Server.Grpc.Wire;

/// <summary>
/// The body of a request, which refuses the message prefixes that no client may send, and says of a body that broke off that the client is
/// gone.
/// Without it gRPC answers UNKNOWN, and logs a client's fault as the server's. gRPC consumes whole messages, so that each read begins with
/// a prefix:
/// a byte for compression, and four for the length.
/// </summary>
/// <param name="body">The body.</param>
/// <param name="isBase64">Whether Grpc.AspNetCore.Web decodes it from base64. It reports bad base64 as an
/// InvalidOperationException.</param>
internal sealed class RequestBody(PipeReader body, bool isBase64 = false) : PipeReader, IRequestBodyPipeFeature
{
    private const byte Compressed = 1;
    private const int LengthAt = 1;
    private const int PrefixBytes = LengthAt + sizeof(uint);

    /// <inheritdoc/>
    public PipeReader Reader => this;

    /// <summary>Why the body broke off, as Kestrel tells it; null while it did not, or no read has met it.</summary>
    public IOException? BrokenOffBy { get; private set; }

    /// <summary>The body of the request, which <see cref="RequestBodyMiddleware"/> has put in place.</summary>
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
        // Kestrel tells of a reset at whatever is called next, which is this as often as a read.
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

    /// <summary>How gRPC answers the fault; null for a fault of the server.</summary>
    private RpcException? ErrorOf(Exception exception) => exception switch
    {
        IOException brokenOff => BrokenOff(brokenOff),
        InvalidOperationException when isBase64 =>
            new RpcException(new Status(StatusCode.Internal, "The message cannot be decoded: its base64 is invalid or incomplete.")),
        _ => null,
    };

    // The token of the call is cancelled too, but by another thread, and at times later: who looks at the token alone takes this for a
    // fault.
    private RpcException BrokenOff(IOException exception)
    {
        BrokenOffBy = exception;
        return new RpcException(exception is BadHttpRequestException { StatusCode: StatusCodes.Status413PayloadTooLarge }
            ? new Status(StatusCode.ResourceExhausted, "The message is too large.")
            : new Status(StatusCode.Cancelled, "The request broke off."));
    }

    private static Status? ErrorOf(ReadOnlySequence<byte> buffer)
    {
        if (buffer.IsEmpty)
            return null;
        if (buffer.FirstSpan[0] > Compressed)
            return new Status(StatusCode.Internal, "The message cannot be decoded: its compression flag is neither 0 nor 1.");
        return buffer.Length >= PrefixBytes && LengthOf(buffer) > int.MaxValue
            ? new Status(StatusCode.ResourceExhausted, "The message is too large.")
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
