using System.Buffers;
using System.IO.Pipelines;
using System.Net.Security;
using System.Runtime.CompilerServices;
using GrpcPresence.Core.Telemetry;
using GrpcPresence.Server.Streams.Requests;
using GrpcPresence.Server.Telemetry;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Core.Features;

namespace GrpcPresence.Server.Streams.Http2;

/// <summary>
/// Closes HTTP/2 connections whose client exceeds the <see cref="FloodLimit"/>, with GOAWAY and ENHANCE_YOUR_CALM. It reads the frames
/// between the transport and Kestrel, because Kestrel answers most of these frames without the application. They also say when a response
/// was read.
/// </summary>
internal sealed class FloodGuard(OpenRequests requests, PresenceMetrics metrics, TimeProvider time, ILogger<FloodGuard> logger)
{
    /// <summary>How long the client may take to read what was sent before GOAWAY, and then GOAWAY.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(1);

    /// <summary>ENHANCE_YOUR_CALM of RFC 9113: a gRPC client sees RESOURCE_EXHAUSTED.</summary>
    public const byte EnhanceYourCalm = 11;

    private static readonly int PrefaceBytes = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"u8.Length;

    // One entry a minute for all connections, because an attacker can open any number of them from many addresses.
    private readonly LogRateLimiter<string> _entries = new("flooded_connection", perTenant: 1, total: 1, metrics, time);
    private long _unlogged;

    private TimeProvider Time => time;

    /// <summary>Guards the connections of the listener. Add it after TLS.</summary>
    public void Guard(ListenOptions listen) => listen.Use(next => connection =>
    {
        var tls = connection.Features.Get<ISslStreamFeature>()?.SslStream;
        return tls is null || tls.NegotiatedApplicationProtocol == SslApplicationProtocol.Http2
            ? RunAsync(next, connection)
            : next(connection);
    });

    private async Task RunAsync(ConnectionDelegate next, ConnectionContext context)
    {
        var transport = context.Transport;
        var connection = new Connection(this, new FloodLimit(time), requests.Open());
        context.Features.Set(connection.Requests);
        context.Transport = new Transport(transport, connection);
        try
        {
            await next(context);
        }
        finally
        {
            requests.Close(connection.Requests);
        }
        if (connection.IsClosed)
            await LingerAsync(transport);
    }

    /// <summary>
    /// Reads on for a moment before the socket is closed. Closing a socket with unread data resets the connection, and the client may lose
    /// GOAWAY.
    /// </summary>
    private async Task LingerAsync(IDuplexPipe transport)
    {
        using var patience = new CancellationTokenSource(Patience, time);
        try
        {
            while (await transport.Input.ReadAsync(patience.Token) is { IsCompleted: false } read)
                transport.Input.AdvanceTo(read.Buffer.End);
        }
        catch (Exception exception) when (exception is OperationCanceledException or IOException)
        {
            // The client had its time, or has closed the connection.
        }
        await transport.Input.CompleteAsync();
        await transport.Output.CompleteAsync();
    }

    private void OnClosed()
    {
        Interlocked.Increment(ref _unlogged);
        if (_entries.TryAcquire(""))
            Log.ConnectionsFlooded(logger, Interlocked.Exchange(ref _unlogged, 0));
    }

    /// <summary>What both directions of a connection share.</summary>
    private sealed class Connection(FloodGuard guard, FloodLimit limit, ConnectionRequests requests)
    {
        private volatile bool _isClosed;
        private volatile Task? _flush;

        public FloodLimit Limit => limit;

        public ConnectionRequests Requests => requests;

        public bool IsClosed => _isClosed;

        /// <summary>The flush that waits for the client to read, if any.</summary>
        public Task? Flush
        {
            get => _flush;
            set => _flush = value;
        }

        /// <summary>Counts a reset by the client, and ends the request.</summary>
        public void OnReset(int stream)
        {
            var isEarly = limit.IsEarly(stream);
            var isServed = requests.OnResetByClient(stream, isEarly);
            limit.OnReset(isEarlyEnd: isEarly && !isServed);
        }

        public void Check()
        {
            if (_isClosed || !limit.IsExceeded())
                return;
            _isClosed = true;
            guard.OnClosed();
        }

        /// <summary>
        /// Ends the connection, after which Kestrel sends GOAWAY. Kestrel drops what it writes while a flush waits, so the client first has
        /// a moment to read. The inner exception marks the end as the server's: otherwise the sessions of a heartbeat stream would end as
        /// if the client had closed it.
        /// </summary>
        public async ValueTask<ReadResult> EndAsync()
        {
            var patience = Task.Delay(Patience, guard.Time);
            while (Flush is { IsCompleted: false } flush && !patience.IsCompleted)
                await Task.WhenAny(flush, patience);
            throw new ConnectionAbortedException("The client flooded the connection.", new InvalidDataException());
        }
    }

    private sealed class Transport(IDuplexPipe transport, Connection connection) : IDuplexPipe
    {
        public PipeReader Input { get; } = new Reader(transport.Input, connection);

        public PipeWriter Output { get; } = new Writer(transport.Output, connection);
    }

    private sealed class Reader(PipeReader input, Connection connection) : PipeReader
    {
        private readonly FrameScanner _frames = new(PrefaceBytes);
        private ReadOnlySequence<byte> _read;

        public override ValueTask<ReadResult> ReadAsync(CancellationToken cancellationToken = default)
        {
            if (connection.IsClosed)
                return connection.EndAsync();
            var read = input.ReadAsync(cancellationToken);
            if (!read.IsCompletedSuccessfully)
                return WaitAsync(read);
            var result = read.Result;
            _read = result.Buffer;
            return ValueTask.FromResult(result);
        }

        public override bool TryRead(out ReadResult result)
        {
            result = default;
            if (connection.IsClosed || !input.TryRead(out result)) // Kestrel then calls ReadAsync
                return false;
            _read = result.Buffer;
            return true;
        }

        public override void AdvanceTo(SequencePosition consumed) => AdvanceTo(consumed, consumed);

        public override void AdvanceTo(SequencePosition consumed, SequencePosition examined)
        {
            foreach (var part in _read.Slice(0, consumed))
                Count(part.Span);
            _read = default;
            connection.Check();
            input.AdvanceTo(consumed, examined);
        }

        public override void CancelPendingRead() => input.CancelPendingRead();

        public override void Complete(Exception? exception = null)
        {
            if (!connection.IsClosed) // otherwise the guard reads on
                input.Complete(exception);
        }

        // Pooled, because almost every read of a connection waits.
        [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
        private async ValueTask<ReadResult> WaitAsync(ValueTask<ReadResult> read)
        {
            var result = await read;
            _read = result.Buffer;
            return result;
        }

        private void Count(ReadOnlySpan<byte> bytes)
        {
            while (_frames.ReadHeader(ref bytes))
            {
                if (_frames.Frame.Type == FrameType.Reset)
                    connection.OnReset(_frames.Frame.Stream);
                else
                    connection.Limit.OnReceived(_frames.Frame);
            }
        }
    }

    private sealed class Writer(PipeWriter output, Connection connection) : PipeWriter
    {
        private const int CodeBytes = 4;
        private const int CodeOffsetOfGoAway = 4;
        private const uint Cancel = 8;
        private const uint InternalError = 2;
        private const uint Refused = 7;

        private readonly FrameScanner _frames = new(skip: 0);
        private Memory<byte> _memory;
        private uint _code;

        public override bool CanGetUnflushedBytes => output.CanGetUnflushedBytes;

        public override long UnflushedBytes => output.UnflushedBytes;

        public override Memory<byte> GetMemory(int sizeHint = 0) => _memory = output.GetMemory(sizeHint);

        public override Span<byte> GetSpan(int sizeHint = 0) => GetMemory(sizeHint).Span;

        public override void Advance(int bytes)
        {
            Count(_memory.Span[..bytes]);
            _memory = _memory[bytes..]; // a writer may advance several times
            output.Advance(bytes);
        }

        public override void CancelPendingFlush() => output.CancelPendingFlush();

        public override void Complete(Exception? exception = null)
        {
            if (!connection.IsClosed) // otherwise the socket would be closed before the guard has read on
                output.Complete(exception);
        }

        public override ValueTask<FlushResult> FlushAsync(CancellationToken cancellationToken = default)
        {
            var flush = output.FlushAsync(cancellationToken);
            if (flush.IsCompleted)
                return flush;
            var task = flush.AsTask();
            connection.Flush = task;
            return new(task);
        }

        private void Count(Span<byte> written)
        {
            ReadOnlySpan<byte> bytes = written;
            while (!bytes.IsEmpty)
            {
                if (_frames is { PayloadLeft: > 0, Frame.Type: FrameType.Reset or FrameType.GoAway })
                    ReadCode(written[^bytes.Length..]);
                if (_frames.ReadHeader(ref bytes))
                    OnSent(_frames.Frame);
            }
        }

        private void OnSent(FrameHeader frame)
        {
            var isReset = frame.Type == FrameType.Reset;
            if (!isReset)
                connection.Limit.OnSent(frame, isError: false);
            if (isReset || (frame is { Type: FrameType.Data or FrameType.Headers, EndsStream: true }))
                connection.Requests.OnEnded(frame.Stream, isReset);
        }

        /// <summary>
        /// Reads the error code of a reset, and replaces that of GOAWAY. Kestrel has no way to choose it, and would send INTERNAL_ERROR.
        /// </summary>
        private void ReadCode(Span<byte> bytes)
        {
            var frame = _frames.Frame;
            var codeAt = frame.Type == FrameType.GoAway ? CodeOffsetOfGoAway : 0;
            var at = frame.Length - _frames.PayloadLeft;
            for (var i = 0; i < bytes.Length && at < frame.Length; i++, at++)
            {
                if (at < codeAt || at >= codeAt + CodeBytes)
                    continue;
                if (frame.Type == FrameType.GoAway && connection.IsClosed)
                    bytes[i] = at == codeAt + CodeBytes - 1 ? EnhanceYourCalm : (byte)0;
                _code = (_code << 8) | bytes[i];
            }
            // Kestrel resets with NO_ERROR after a response to a request that has not ended. The other four are decisions of this server.
            if (frame.Type == FrameType.Reset && at == frame.Length)
                connection.Limit.OnSent(frame, isError: _code is not (0 or InternalError or Cancel or Refused or EnhanceYourCalm));
        }
    }
}
