using System.IO.Pipelines;
using System.Threading.Channels;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace GrpcPresence.Server.Tests.Fixture;

/// <summary>Detects whether a read of a request's body is still pending when its handler returns.</summary>
internal sealed class BodyReads : IStartupFilter
{
    // Bounded, because most tests never read it, and some send so many requests that the queue would fill the heap.
    private readonly Channel<(string Path, bool IsReading)> _ended = Channel.CreateBounded<(string, bool)>(
        new BoundedChannelOptions(1024) { FullMode = BoundedChannelFullMode.DropOldest });

    /// <summary>Waits until a request of the path ends, and returns whether a read was left pending.</summary>
    public async Task<bool> IsLeftBy(string path)
    {
        var reading = FindAsync(path);
        await Barrier.Within(reading, $"a request of {path} ended");
        return await reading;
    }

    public Action<IApplicationBuilder> Configure(Action<IApplicationBuilder> next) => app =>
    {
        app.Use(async (HttpContext http, RequestDelegate handler) =>
        {
            var body = new Body(http.Request.BodyReader);
            http.Features.Set<IRequestBodyPipeFeature>(body);
            try
            {
                await handler(http);
            }
            finally
            {
                _ended.Writer.TryWrite((http.Request.Path, body.IsReading));
            }
        });
        next(app);
    };

    private async Task<bool> FindAsync(string path)
    {
        while (true)
        {
            var ended = await _ended.Reader.ReadAsync(TestRun.Token);
            if (ended.Path == path)
                return ended.IsReading;
        }
    }

    private sealed class Body(PipeReader body) : PipeReader, IRequestBodyPipeFeature
    {
        private volatile bool _isReading;

        public PipeReader Reader => this;

        public bool IsReading => _isReading;

        public override async ValueTask<ReadResult> ReadAsync(CancellationToken cancellationToken = default)
        {
            _isReading = true;
            try
            {
                return await body.ReadAsync(cancellationToken);
            }
            finally
            {
                _isReading = false;
            }
        }

        public override bool TryRead(out ReadResult result) => body.TryRead(out result);

        public override void AdvanceTo(SequencePosition consumed) => body.AdvanceTo(consumed);

        public override void AdvanceTo(SequencePosition consumed, SequencePosition examined) => body.AdvanceTo(consumed, examined);

        public override void CancelPendingRead() => body.CancelPendingRead();

        public override void Complete(Exception? exception = null) => body.Complete(exception);
    }
}
