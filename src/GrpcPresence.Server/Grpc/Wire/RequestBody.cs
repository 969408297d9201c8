using System.Buffers;
using System.Buffers.Binary;
using System.IO.Pipelines;
using System.Runtime.CompilerServices;
using Grpc.Core;
using GrpcPresence.Core.Domain;
using GrpcPresence.Server.Errors;
using GrpcPresence.Server.Security;
using GrpcPresence.Server.Security.Authorization;
using GrpcPresence.Server.Security.Quotas;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Http.Features;

namespace GrpcPresence.Server.Grpc.Wire;

/// <summary>
/// The body of a gRPC request, with the rules that hold before a message is buffered or decoded:
/// <list type="bullet">
/// <item>A message is rejected by its prefix when it is too large for its method, or when the prefix is invalid. gRPC itself has one limit
/// for all methods.</item>
/// <item>A compressed message is inflated here, within the limit of its method and a maximum ratio. gRPC would inflate it without either.
/// Methods that need no credentials do not accept compressed messages.</item>
/// <item>A body, or a message of a stream that has begun, ends within <see cref="Limits.RequestBodyTime"/>, and the incomplete messages of
/// a connection have a maximum size.</item>
/// <item>An aborted or malformed body is CANCELLED. Without this, gRPC returns UNKNOWN, and logs a client error as a server error.</item>
/// </list>
/// gRPC consumes whole messages, so each read begins with a prefix: one byte for compression and four for the length. Not safe for more
/// than one thread, except for the timer.
/// </summary>
/// <param name="body">The body to read.</param>
/// <param name="http">The request.</param>
/// <param name="rule">The row of the method. Null for the endpoints that return UNIMPLEMENTED.</param>
/// <param name="mayRest">
/// Whether the client may rest between its messages, as on a stream. A call with one message has begun with its headers.
/// </param>
/// <param name="time">The clock.</param>
internal sealed class RequestBody(PipeReader body, HttpContext http, AccessRule? rule, bool mayRest, TimeProvider time)
    : PipeReader, IRequestBodyPipeFeature
{
    private const byte Compressed = 1;
    private const int LengthAt = 1;
    private const int PrefixBytes = LengthAt + sizeof(uint);

    private ReadOnlySequence<byte> _read; // what the last read returned and gRPC has not consumed
    private bool _isInflated; // whether that is an inflated message
    private long _incomplete; // its bytes that gRPC has seen
    private BodyDeadline? _deadline; // null until a read had to wait for the rest of the body or message

    /// <inheritdoc/>
    public PipeReader Reader => this;

    /// <summary>Kestrel's exception for an aborted body. Null until a read has seen it.</summary>
    public IOException? AbortedBy { get; private set; }

    private int MaxMessageBytes => rule?.MaxMessageBytes ?? Limits.ReceivedMessageBytes;

    private bool IsIdle => mayRest && _incomplete == 0;

    /// <summary>Returns the body of a call.</summary>
    public static RequestBody Of(HttpContext request) => (RequestBody)request.Features.GetRequiredFeature<IRequestBodyPipeFeature>();

    /// <inheritdoc/>
    public override bool TryRead(out ReadResult result)
    {
        try
        {
            return body.TryRead(out result) && TryTake(ref result);
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
            var reading = body.ReadAsync(cancellationToken);
            if (!reading.IsCompletedSuccessfully)
                return ReadRestAsync(reading, cancellationToken);
            var result = reading.Result;
            return TryTake(ref result) ? new(result) : ReadRestAsync(body.ReadAsync(cancellationToken), cancellationToken);
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
        _read = _read.Slice(consumed);
        _incomplete = _read.Length;
        if (_deadline is not null && IsIdle)
            _deadline = null;
        if (_isInflated)
        {
            _isInflated = _incomplete > 0;
            return;
        }
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
    private async ValueTask<ReadResult> ReadRestAsync(ValueTask<ReadResult> reading, CancellationToken cancellationToken)
    {
        try
        {
            while (true)
            {
                var result = await WaitAsync(reading);
                if (TryTake(ref result))
                    return result;
                reading = body.ReadAsync(cancellationToken);
            }
        }
        catch (Exception exception) when (ErrorOf(exception) is { } error)
        {
            throw error;
        }
    }

    /// <summary>Waits for a read, until the time for the body or message is over.</summary>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<ReadResult> WaitAsync(ValueTask<ReadResult> reading)
    {
        if (reading.IsCompleted || IsIdle)
            return await reading;
        // Public methods have small messages, and AnonymousRequests bounds their number.
        var scope = http.Features.Get<CallScope>();
        scope?.HasWaited = true;
        var (incomplete, caller) = (_incomplete, scope?.Caller);
        var held = caller is null ? null : ConnectionFeature<IncompleteMessages>.Of(http);
        if (held?.TryAdd(caller!, incomplete) == false)
        {
            await BodyDeadline.EndAsync(body, reading);
            throw new RpcException(TooManyIncomplete());
        }
        try
        {
            _deadline ??= new BodyDeadline(body, time);
            return await _deadline.WaitAsync(reading) ?? throw new RpcException(TooSlow());
        }
        finally
        {
            held?.Remove(caller!, incomplete);
        }
    }

    /// <summary>
    /// Takes what was read. Returns false when it is the begin of a compressed message, which is read on until it can be inflated.
    /// </summary>
    private bool TryTake(ref ReadResult result)
    {
        var buffer = result.Buffer;
        if (!buffer.IsEmpty && FindProblem(buffer) is { } problem)
        {
            body.AdvanceTo(buffer.Start, buffer.End); // otherwise the server could not skip the rest
            throw new RpcException(problem);
        }
        if (IsGzip(buffer) && !result.IsCanceled)
        {
            var whole = PrefixBytes + (long)(buffer.Length < PrefixBytes ? 0 : LengthOf(buffer));
            if (buffer.Length >= whole && buffer.Length >= PrefixBytes)
            {
                _isInflated = true;
                result = new ReadResult(Inflate(buffer, whole), isCanceled: false, isCompleted: false);
                body.AdvanceTo(buffer.GetPosition(whole));
            }
            else if (!result.IsCompleted)
            {
                _incomplete = buffer.Length;
                body.AdvanceTo(buffer.Start, buffer.End);
                return false;
            }
        }
        _read = result.Buffer;
        return true;
    }

    /// <summary>Returns the message at the beginning of the buffer as gRPC sends it without compression, and charges it.</summary>
    private ReadOnlySequence<byte> Inflate(ReadOnlySequence<byte> buffer, long whole)
    {
        var message = buffer.Slice(PrefixBytes, whole - PrefixBytes);
        var caller = CallScope.Of(http).Caller;
        var quota = http.RequestServices.GetRequiredService<InflationQuota>();
        var inflated = InflatedMessage.MaxBytes(message, MaxMessageBytes); // unless it is rejected on the way
        try
        {
            if (quota.FindRejection(caller) is { } rejection)
            {
                inflated = 0;
                throw ErrorDetails.ToRpcException(rejection);
            }
            var result = InflatedMessage.Read(message, MaxMessageBytes);
            inflated = result.Length;
            return new(result);
        }
        catch (RpcException)
        {
            body.AdvanceTo(buffer.Start, buffer.End);
            throw;
        }
        finally
        {
            quota.Spend(caller, inflated);
        }
    }

    private bool IsGzip(ReadOnlySequence<byte> buffer) =>
        !buffer.IsEmpty && buffer.FirstSpan[0] == Compressed && http.Request.Headers["grpc-encoding"].ToString() == RequestGzip.Name;

    /// <summary>Returns gRPC's error for the exception, or null for a server error.</summary>
    private RpcException? ErrorOf(Exception exception) => exception switch
    {
        IOException aborted => Aborted(aborted),
        ConnectionAbortedException => new RpcException(new Status(StatusCode.Cancelled, "The server reset the request.")),
        // Grpc.AspNetCore.Web reports invalid base64 in this way.
        InvalidOperationException when GrpcWebMiddleware.IsText(http) =>
            new RpcException(new Status(StatusCode.Internal, "The message cannot be decoded. Its base64 is invalid or incomplete.")),
        _ => null,
    };

    // Another thread cancels the call's token too, sometimes later. Code that checks only the token would treat this as a server error.
    private RpcException Aborted(IOException exception)
    {
        AbortedBy = exception;
        // Kestrel may not know yet that the connection is gone. Over HTTP/1.1 it would try to skip the rest of the body, and log an error.
        // The protocol of the request does not say which one it is: that of gRPC-Web was replaced.
        if (exception is ConnectionResetException)
            http.Abort();
        return new RpcException(exception is BadHttpRequestException { StatusCode: StatusCodes.Status413PayloadTooLarge }
            ? new Status(StatusCode.ResourceExhausted, "The message is too large.")
            : new Status(StatusCode.Cancelled, "The client aborted the request."));
    }

    private Status? FindProblem(ReadOnlySequence<byte> buffer)
    {
        switch (buffer.FirstSpan[0])
        {
            case > Compressed:
                return new Status(StatusCode.Internal, "The message cannot be decoded. Its compression flag must be 0 or 1.");
            case Compressed when rule is { IsPublic: true }:
                // The header tells the client to send the message again without compression (gRPC's specification of compression).
                http.Response.Headers["grpc-accept-encoding"] = "identity";
                return new Status(StatusCode.Unimplemented, "This method needs no credentials, and accepts no compressed messages.");
            default:
                return buffer.Length >= PrefixBytes && LengthOf(buffer) > (uint)MaxMessageBytes ? TooLarge(MaxMessageBytes) : null;
        }
    }

    /// <summary>Returns the error of a message that is too large for its method.</summary>
    internal static Status TooLarge(int max) =>
        new(StatusCode.ResourceExhausted, $"The message is too large. The maximum for this method is {max} bytes.");

    private static Status TooSlow() =>
        new(StatusCode.DeadlineExceeded, $"The message did not arrive within {Limits.RequestBodyTime.TotalSeconds} s.");

    private static Status TooManyIncomplete() =>
        new(StatusCode.ResourceExhausted, "Too many messages are incomplete at the same time. Send one after the other.");

    private static uint LengthOf(ReadOnlySequence<byte> buffer)
    {
        if (buffer.FirstSpan.Length >= PrefixBytes)
            return BinaryPrimitives.ReadUInt32BigEndian(buffer.FirstSpan[LengthAt..]);
        Span<byte> length = stackalloc byte[sizeof(uint)];
        buffer.Slice(LengthAt, sizeof(uint)).CopyTo(length);
        return BinaryPrimitives.ReadUInt32BigEndian(length);
    }
}
