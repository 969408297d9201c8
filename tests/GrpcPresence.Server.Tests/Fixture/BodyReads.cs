using System.IO.Pipelines;
using System.Threading.Channels;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace GrpcPresence.Server.Tests.Fixture;

/// <summary>Sees whether a request's body was read, and whether a read is still pending when the handler of the request returns.</summary>
internal sealed class BodyReads : IStartupFilter
{
    // Bounded, because most tests never read it, and some send so many requests that it would fill the heap.
    private readonly Channel<Ended> _ended = Channel.CreateBounded<Ended>(
        new BoundedChannelOptions(1024) { FullMode = BoundedChannelFullMode.DropOldest });

    private readonly Channel<string> _begun = Channel.CreateBounded<string>(
        new BoundedChannelOptions(1024) { FullMode = BoundedChannelFullMode.DropOldest });

    /// <summary>Waits until something reads the body of a request of the path.</summary>
    public Task BeginAsync(string path) => Barrier.Within(BeginUntilAsync(path), $"the body of a request of {path} was read");

    /// <summary>Waits until a request of the path ends, and returns whether a read was left pending.</summary>
    public async Task<bool> IsLeftBy(string path) => (await FindAsync(path)).IsReading;

    /// <summary>Waits until a request of the path ends, and returns whether anything read its body.</summary>
    public async Task<bool> IsReadBy(string path) => (await FindAsync(path)).IsRead;

    /// <summary>Waits until a request ends, in the order of their ends, and returns whether anything read its body.</summary>
    public async Task<bool> IsReadByNext()
    {
        var next = _ended.Reader.ReadAsync(TestRun.Token).AsTask();
        await Barrier.Within(next, "a request ended");
        return (await next).IsRead;
    }

    public Action<IApplicationBuilder> Configure(Action<IApplicationBuilder> next) => app =>
    {
        app.Use(async (HttpContext http, RequestDelegate handler) =>
        {
            var body = new Body(http.Request.BodyReader, () => _begun.Writer.TryWrite(http.Request.Path));
            http.Features.Set<IRequestBodyPipeFeature>(body);
            http.Request.Body = body.AsStream(leaveOpen: true);
            try
            {
                await handler(http);
            }
            finally
            {
                _ended.Writer.TryWrite(new Ended(http.Request.Path, body.IsReading, body.IsRead));
            }
        });
        next(app);
    };

    private async Task BeginUntilAsync(string path)
    {
        while (await _begun.Reader.ReadAsync(TestRun.Token) != path)
        {
        }
    }

    private async Task<Ended> FindAsync(string path)
    {
        var finding = ReadUntilAsync(path);
        await Barrier.Within(finding, $"a request of {path} ended");
        return await finding;
    }

    private async Task<Ended> ReadUntilAsync(string path)
    {
        while (true)
        {
            var ended = await _ended.Reader.ReadAsync(TestRun.Token);
            if (ended.Path == path)
                return ended;
        }
    }

    private sealed record Ended(string Path, bool IsReading, bool IsRead);

    private sealed class Body(PipeReader body, Action begin) : PipeReader, IRequestBodyPipeFeature
    {
        private volatile bool _isReading;

        public PipeReader Reader => this;

        public bool IsReading => _isReading;

        public bool IsRead { get; private set; }

        public override async ValueTask<ReadResult> ReadAsync(CancellationToken cancellationToken = default)
        {
            _isReading = IsRead = true;
            begin();
            try
            {
                return await body.ReadAsync(cancellationToken);
            }
            finally
            {
                _isReading = false;
            }
        }

        public override bool TryRead(out ReadResult result)
        {
            IsRead = true;
            return body.TryRead(out result);
        }

        public override void AdvanceTo(SequencePosition consumed) => body.AdvanceTo(consumed);

        public override void AdvanceTo(SequencePosition consumed, SequencePosition examined) => body.AdvanceTo(consumed, examined);

        public override void CancelPendingRead() => body.CancelPendingRead();

        public override void Complete(Exception? exception = null) => body.Complete(exception);
    }
}
