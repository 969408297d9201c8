using System.Net;
using System.Net.Http.Headers;

namespace GrpcPresence.Client.Tests.Fixture;

/// <summary>
/// Records the bytes of each watch of a client, or replays some of them as the first watches of another client. The last of these breaks
/// behind its bytes, and so does each before it. All other calls go to the server.
/// </summary>
internal sealed class RecordedStream : DelegatingHandler
{
    private readonly byte[][] _replayed = [];
    private readonly bool _isReplaying;
    private readonly List<MemoryStream> _recorded = []; // guarded by itself, and so is each stream
    private int _streams;

    /// <summary>Records.</summary>
    public RecordedStream(HttpMessageHandler server)
        : base(server)
    {
    }

    /// <summary>Replays these streams, and breaks each behind its bytes.</summary>
    public RecordedStream(HttpMessageHandler server, params byte[][] replayed)
        : base(server) => (_replayed, _isReplaying) = (replayed, true);

    /// <summary>The bytes of each stream so far, in the order in which the client opened them.</summary>
    public byte[][] Recorded
    {
        get
        {
            lock (_recorded)
                return [.. _recorded.Select(Copy)];
        }
    }

    protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        if (!request.RequestUri!.AbsolutePath.EndsWith("/WatchUsers", StringComparison.Ordinal))
            return await base.SendAsync(request, cancellationToken);
        if (!_isReplaying)
        {
            var response = await base.SendAsync(request, cancellationToken);
            var copy = new MemoryStream();
            lock (_recorded)
                _recorded.Add(copy);
            response.Content = new WatchContent(new CopyingStream(await response.Content.ReadAsStreamAsync(cancellationToken), copy));
            return response;
        }
        var stream = Interlocked.Increment(ref _streams) - 1;
        if (stream >= _replayed.Length)
            return await base.SendAsync(request, cancellationToken);
        return new HttpResponseMessage(HttpStatusCode.OK)
        {
            Version = HttpVersion.Version20,
            RequestMessage = request,
            Content = new WatchContent(new CutStream(_replayed[stream])),
        };
    }

    private static byte[] Copy(MemoryStream stream)
    {
        lock (stream)
            return stream.ToArray();
    }

    private sealed class WatchContent : StreamContent
    {
        public WatchContent(Stream stream)
            : base(stream) => Headers.ContentType = new MediaTypeHeaderValue("application/grpc");
    }

    private sealed class CopyingStream(Stream stream, MemoryStream copy) : ReadOnlyStream
    {
        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            var read = await stream.ReadAsync(buffer, cancellationToken);
            lock (copy)
                copy.Write(buffer.Span[..read]);
            return read;
        }

        protected override void Dispose(bool disposing)
        {
            if (disposing)
                stream.Dispose();
            base.Dispose(disposing);
        }
    }

    private sealed class CutStream(byte[] bytes) : ReadOnlyStream
    {
        private int _read;

        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            if (_read == bytes.Length)
                throw new IOException("The test cut the stream.");
            var count = Math.Min(buffer.Length, bytes.Length - _read);
            bytes.AsSpan(_read, count).CopyTo(buffer.Span);
            _read += count;
            return ValueTask.FromResult(count);
        }
    }

    private abstract class ReadOnlyStream : Stream
    {
        public override bool CanRead => true;

        public override bool CanSeek => false;

        public override bool CanWrite => false;

        public override long Length => throw new NotSupportedException();

        public override long Position
        {
            get => throw new NotSupportedException();
            set => throw new NotSupportedException();
        }

        public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        public override void Flush() => throw new NotSupportedException();

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
    }
}
