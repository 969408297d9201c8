using Grpc.Core;
using GrpcPresence.Compat.Tests.Echo;

namespace GrpcPresence.Compat.Tests.Pieces;

public sealed class ClientBaseTests
{
    private readonly HostRecorder _invoker = new();

    [Fact]
    public async Task A_client_with_a_host_sends_it_with_each_call()
    {
        var client = new EchoService.EchoServiceClient(_invoker);

        await client.OnceAsync(new EchoRequest(), cancellationToken: TestRun.Token);
        await client.WithHost("first").OnceAsync(new EchoRequest(), cancellationToken: TestRun.Token);
        await client.WithHost("first").WithHost("second").OnceAsync(new EchoRequest(), cancellationToken: TestRun.Token);

        Assert.Equal([null, "first", "second"], _invoker.Hosts);
    }

    [Fact]
    public void A_client_without_anything_to_call_with_can_be_made_for_a_test()
    {
        var client = new DoubleClient();

        Assert.Equal("from the test", client.Once(new EchoRequest(), new CallOptions(cancellationToken: TestRun.Token)).Text);
        Assert.Throws<NotImplementedException>(() => client.Join(cancellationToken: TestRun.Token));
    }

    private sealed class DoubleClient : EchoService.EchoServiceClient
    {
        public override EchoResponse Once(EchoRequest request, CallOptions options) => new() { Text = "from the test" };
    }

    private sealed class HostRecorder : CallInvoker
    {
        public List<string?> Hosts { get; } = [];

        public override AsyncUnaryCall<TResponse> AsyncUnaryCall<TRequest, TResponse>(
            Method<TRequest, TResponse> method,
            string? host,
            CallOptions options,
            TRequest request)
        {
            Hosts.Add(host);
            return new AsyncUnaryCall<TResponse>(
                Task.FromResult(method.ResponseMarshaller.Deserializer([])),
                Task.FromResult(Metadata.Empty),
                () => Status.DefaultSuccess,
                () => Metadata.Empty,
                () => { });
        }

        public override TResponse BlockingUnaryCall<TRequest, TResponse>(
            Method<TRequest, TResponse> method,
            string? host,
            CallOptions options,
            TRequest request) => throw new NotSupportedException();

        public override AsyncServerStreamingCall<TResponse> AsyncServerStreamingCall<TRequest, TResponse>(
            Method<TRequest, TResponse> method,
            string? host,
            CallOptions options,
            TRequest request) => throw new NotSupportedException();

        public override AsyncClientStreamingCall<TRequest, TResponse> AsyncClientStreamingCall<TRequest, TResponse>(
            Method<TRequest, TResponse> method,
            string? host,
            CallOptions options) => throw new NotSupportedException();

        public override AsyncDuplexStreamingCall<TRequest, TResponse> AsyncDuplexStreamingCall<TRequest, TResponse>(
            Method<TRequest, TResponse> method,
            string? host,
            CallOptions options) => throw new NotSupportedException();
    }
}
