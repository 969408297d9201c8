using System.Net.Sockets;
using Grpc.Core;
using GrpcPresence.Client.Connections;

namespace GrpcPresence.Client.Tests.Connections;

/// <summary>Tests what the log and exceptions say of an error.</summary>
public sealed class CallErrorTests
{
    [Fact]
    public void A_connection_that_failed_says_why()
    {
        var refused = new SocketException((int)SocketError.ConnectionRefused);
        var error = CallError.From(new RpcException(new Status(
            StatusCode.Unavailable, "No connection.", new HttpRequestException("The request failed.", refused))));

        Assert.Equal($"Unavailable: No connection. {refused.Message}", error.ToString());
        Assert.Equal(error.ToString(), error.ToException().Message);
    }

    [Fact]
    public void A_cause_that_the_detail_names_is_said_once()
    {
        var error = CallError.From(new RpcException(new Status(
            StatusCode.Internal, "Failed: timed out", new IOException("timed out"))));

        Assert.Equal("Internal: Failed: timed out", error.ToString());
    }
}
