using System.Collections.Concurrent;
using Grpc.Core;
using Grpc.Core.Interceptors;
using GrpcPresence.Compat.Tests.Echo;

namespace GrpcPresence.Compat.Tests.OverTheWire;

public sealed class InterceptorTests
{
    private readonly ConcurrentQueue<string> _record = [];

    [Fact]
    public async Task Server_interceptors_see_every_kind_of_call_in_the_order_of_their_registration()
    {
        await using var server = await EchoServer.Start(options =>
        {
            options.Interceptors.Add<RecordingInterceptor>("outer", _record);
            options.Interceptors.Add<RecordingInterceptor>("inner", _record);
        });

        await CallEveryMethod(server.Client);

        Assert.Equal(
            ["outer Once", "inner Once", "outer Join", "inner Join", "outer Repeat", "inner Repeat", "outer Talk", "inner Talk"],
            _record);
    }

    [Fact]
    public async Task Client_interceptors_see_every_kind_of_call_in_the_order_of_the_list()
    {
        await using var server = await EchoServer.Start();
        var invoker = server.Channel.Intercept(new RecordingInterceptor("first", _record), new RecordingInterceptor("second", _record));
        var client = new EchoService.EchoServiceClient(invoker);

        await CallEveryMethod(client);
        await Task.Run(() => client.Once(new EchoRequest(), cancellationToken: TestRun.Token));

        Assert.Equal(
            [
                "first Once", "second Once", "first Join", "second Join", "first Repeat", "second Repeat", "first Talk", "second Talk",
                "first blocking Once", "second blocking Once",
            ],
            _record);
    }

    [Fact]
    public async Task A_client_interceptor_that_is_added_later_sees_a_call_first()
    {
        await using var server = await EchoServer.Start();
        var invoker = server.Channel.CreateCallInvoker()
            .Intercept(new RecordingInterceptor("added first", _record))
            .Intercept(new RecordingInterceptor("added second", _record));

        await new EchoService.EchoServiceClient(invoker).OnceAsync(new EchoRequest(), cancellationToken: TestRun.Token);

        Assert.Equal(["added second Once", "added first Once"], _record);
    }

    [Fact]
    public async Task A_function_over_headers_applies_to_every_call()
    {
        await using var server = await EchoServer.Start();
        var seen = new ConcurrentQueue<string>();
        server.Behaviour.OnCall = context =>
        {
            seen.Enqueue(context.RequestHeaders.GetValue("added")!);
            return Task.CompletedTask;
        };
        var invoker = server.Channel.Intercept(headers =>
        {
            headers.Add("added", "by the function");
            return headers;
        });

        await CallEveryMethod(new EchoService.EchoServiceClient(invoker));

        Assert.Equal(Enumerable.Repeat("by the function", 4), seen);
    }

    [Fact]
    public async Task A_server_interceptor_can_answer_in_place_of_the_service()
    {
        await using var server = await EchoServer.Start(options => options.Interceptors.Add<RefusingInterceptor>());

        var failure = await Assert.ThrowsAsync<RpcException>(
            () => server.Client.OnceAsync(new EchoRequest(), cancellationToken: TestRun.Token).ResponseAsync);

        Assert.Equal(StatusCode.Unauthenticated, failure.StatusCode);
    }

    private static async Task CallEveryMethod(EchoService.EchoServiceClient client)
    {
        await client.OnceAsync(new EchoRequest(), cancellationToken: TestRun.Token);

        using var join = client.Join(cancellationToken: TestRun.Token);
        await join.RequestStream.CompleteAsync();
        await join;

        using var repeat = client.Repeat(new EchoRequest(), cancellationToken: TestRun.Token);
        Assert.False(await repeat.ResponseStream.MoveNext(TestRun.Token));

        using var talk = client.Talk(cancellationToken: TestRun.Token);
        await talk.RequestStream.CompleteAsync();
        Assert.False(await talk.ResponseStream.MoveNext(TestRun.Token));
    }

    private sealed class RefusingInterceptor : Interceptor
    {
        public override Task<TResponse> UnaryServerHandler<TRequest, TResponse>(
            TRequest request,
            ServerCallContext context,
            UnaryServerMethod<TRequest, TResponse> continuation)
            => throw new RpcException(new Status(StatusCode.Unauthenticated, "who are you?"));
    }
}
