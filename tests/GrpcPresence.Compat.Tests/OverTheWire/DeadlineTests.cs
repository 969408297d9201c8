using Grpc.Core;
using GrpcPresence.Compat.Tests.Echo;

namespace GrpcPresence.Compat.Tests.OverTheWire;

public sealed class DeadlineTests
{
    [Fact]
    public async Task A_deadline_that_passes_ends_the_call()
    {
        await using var server = await EchoServer.Start();
        await server.Client.OnceAsync(new EchoRequest(), cancellationToken: TestRun.Token); // Connects, which may take its time.
        var cancelled = new Barrier("the deadline cancelled the call in the service");
        server.Behaviour.OnCall = async context =>
        {
            await using var registration = context.CancellationToken.Register(cancelled.Reach);
            await cancelled.Wait();
        };

        var failure = await Assert.ThrowsAsync<RpcException>(() => server.Client.OnceAsync(
            new EchoRequest(),
            deadline: DateTime.UtcNow.AddSeconds(1),
            cancellationToken: TestRun.Token).ResponseAsync);

        // Both sides watch the deadline, and the server's reset can overtake its trailers.
        Assert.Contains(failure.StatusCode, new[] { StatusCode.DeadlineExceeded, StatusCode.Unavailable });
        await cancelled.Wait();
    }

    [Fact]
    public async Task A_deadline_that_has_passed_fails_the_call_without_reaching_the_service()
    {
        await using var server = await EchoServer.Start();
        var calls = 0;
        server.Behaviour.OnCall = _ =>
        {
            Interlocked.Increment(ref calls);
            return Task.CompletedTask;
        };

        var failure = await Assert.ThrowsAsync<RpcException>(() => server.Client.OnceAsync(
            new EchoRequest(),
            new CallOptions(cancellationToken: TestRun.Token).WithDeadline(DateTime.UtcNow.AddMinutes(-1))).ResponseAsync);

        Assert.Equal(StatusCode.DeadlineExceeded, failure.StatusCode);
        Assert.Equal(0, calls);
    }

    [Fact]
    public async Task A_deadline_reaches_the_service()
    {
        await using var server = await EchoServer.Start();
        var seen = default(DateTime);
        server.Behaviour.OnCall = context =>
        {
            seen = context.Deadline;
            return Task.CompletedTask;
        };
        var deadline = DateTime.UtcNow.AddHours(1);

        await server.Client.OnceAsync(new EchoRequest(), deadline: deadline, cancellationToken: TestRun.Token);

        // The wire carries the time that is left, so the service's clock and the way there move it a little.
        Assert.Equal(DateTimeKind.Utc, seen.Kind);
        Assert.Equal(deadline, seen, TimeSpan.FromMinutes(1));
    }

    [Fact]
    public async Task A_call_without_a_deadline_has_the_furthest_one()
    {
        await using var server = await EchoServer.Start();
        var seen = default(DateTime);
        server.Behaviour.OnCall = context =>
        {
            seen = context.Deadline;
            return Task.CompletedTask;
        };

        await server.Client.OnceAsync(new EchoRequest(), cancellationToken: TestRun.Token);

        Assert.Equal(DateTime.MaxValue, seen);
    }

    [Fact]
    public async Task A_deadline_that_is_not_in_UTC_is_refused()
    {
        await using var server = await EchoServer.Start();
        var local = DateTime.SpecifyKind(DateTime.UtcNow.AddHours(1), DateTimeKind.Local);

        await Assert.ThrowsAsync<InvalidOperationException>(
            () => server.Client.OnceAsync(new EchoRequest(), deadline: local, cancellationToken: TestRun.Token).ResponseAsync);
    }
}
