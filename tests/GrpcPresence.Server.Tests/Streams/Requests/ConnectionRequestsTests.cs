using GrpcPresence.Server.Streams.Requests;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core.Features;

namespace GrpcPresence.Server.Tests.Streams.Requests;

/// <summary>Tests when the requests of a connection end.</summary>
public sealed class ConnectionRequestsTests
{
    [Fact]
    public void Bounded_a_request_that_begins_after_its_connection_has_ended_holds_nothing()
    {
        var connection = new ConnectionRequests();
        var http = new DefaultHttpContext();
        http.Features.Set<IHttp2StreamIdFeature>(new StreamId());
        var request = new OpenRequest(http, since: 0, isUnary: true);
        connection.OnClosed(); // Kestrel does not wait for the requests of a connection with a protocol error

        connection.Add(request);

        Assert.False(request.TryHold(new Lease()));
    }

    private sealed class StreamId : IHttp2StreamIdFeature
    {
        int IHttp2StreamIdFeature.StreamId => 1;
    }

    private sealed class Lease : IDisposable
    {
        public void Dispose()
        {
        }
    }
}
