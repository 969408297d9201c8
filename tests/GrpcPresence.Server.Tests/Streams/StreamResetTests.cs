using GrpcPresence.Server.Streams;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace GrpcPresence.Server.Tests.Streams;

public sealed class StreamResetTests
{
    private readonly DefaultHttpContext _request = new();
    private readonly AbortRecorder _aborts = new();

    public StreamResetTests() => _request.Features.Set<IHttpRequestLifetimeFeature>(_aborts);

    [Fact]
    public void A_request_that_cannot_be_reset_is_aborted()
    {
        StreamReset.Reset(_request);

        Assert.Equal(1, _aborts.Count);
    }

    [Fact]
    public void A_request_whose_reset_may_do_nothing_is_reset_and_then_aborted()
    {
        var resets = new ResetRecorder();
        _request.Features.Set<IHttpResetFeature>(resets);

        StreamReset.Reset(_request);

        Assert.Equal([7], resets.Codes);
        Assert.Equal(1, _aborts.Count);
    }

    private sealed class AbortRecorder : IHttpRequestLifetimeFeature
    {
        public int Count { get; private set; }

        public CancellationToken RequestAborted { get; set; }

        public void Abort() => Count++;
    }
}
