using System.IO.Pipelines;
using System.Net.Sockets;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace GrpcPresence.Server.Streams;

/// <summary>
/// Treats each error of a connection's socket as the end of the connection. Kestrel does so only for a reset. It logs every other error,
/// with a stack trace, as a server error. This includes the timeout of a client that vanished, see <see cref="DeadPeerTimeout"/>.
/// </summary>
internal static class SocketErrors
{
    /// <summary>Completes writes to the listener's connections, as after a reset, instead of throwing the socket's error.</summary>
    public static void EndOnSocketErrors(this ListenOptions listen) => listen.Use(next => connection =>
    {
        connection.Transport = new Transport(connection.Transport);
        return next(connection);
    });

    private sealed class Transport(IDuplexPipe sockets) : IDuplexPipe
    {
        public PipeReader Input => sockets.Input;

        public PipeWriter Output { get; } = new Writer(sockets.Output);
    }

    private sealed class Writer(PipeWriter output) : PipeWriter
    {
        private static readonly FlushResult Ended = new(isCanceled: false, isCompleted: true);

        public override bool CanGetUnflushedBytes => output.CanGetUnflushedBytes;

        public override long UnflushedBytes => output.UnflushedBytes;

        public override void Advance(int bytes) => output.Advance(bytes);

        public override Memory<byte> GetMemory(int sizeHint = 0) => output.GetMemory(sizeHint);

        public override Span<byte> GetSpan(int sizeHint = 0) => output.GetSpan(sizeHint);

        public override void CancelPendingFlush() => output.CancelPendingFlush();

        public override void Complete(Exception? exception = null) => output.Complete(exception);

        public override ValueTask<FlushResult> FlushAsync(CancellationToken cancellationToken = default)
        {
            try
            {
                var flush = output.FlushAsync(cancellationToken);
                // When a flush completes synchronously, reading its result can throw the socket's error.
                return flush.IsCompletedSuccessfully ? ValueTask.FromResult(flush.Result) : FlushAsync(flush);
            }
            catch (SocketException)
            {
                return ValueTask.FromResult(Ended);
            }
        }

        private static async ValueTask<FlushResult> FlushAsync(ValueTask<FlushResult> flush)
        {
            try
            {
                return await flush;
            }
            catch (SocketException)
            {
                return Ended;
            }
        }
    }
}
