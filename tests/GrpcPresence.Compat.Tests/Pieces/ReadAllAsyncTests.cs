using Grpc.Core;

namespace GrpcPresence.Compat.Tests.Pieces;

public sealed class ReadAllAsyncTests
{
    [Fact]
    public async Task It_gives_every_message_in_order()
    {
        var messages = await new FakeStreamReader<int>([1, 2, 3]).ReadAllAsync(TestRun.Token).ToListAsync(TestRun.Token);

        Assert.Equal([1, 2, 3], messages);
    }

    [Fact]
    public async Task A_failure_comes_after_the_messages_before_it()
    {
        var reader = new FakeStreamReader<int>([1], new RpcException(new Status(StatusCode.Unavailable, "")));
        var messages = new List<int>();

        var failure = await Assert.ThrowsAsync<RpcException>(async () =>
        {
            await foreach (var message in reader.ReadAllAsync(TestRun.Token))
            {
                messages.Add(message);
            }
        });

        Assert.Equal([1], messages);
        Assert.Equal(StatusCode.Unavailable, failure.StatusCode);
    }

    [Fact]
    public async Task Its_token_reaches_the_stream()
    {
        using var cancellation = new CancellationTokenSource();
        var reader = new FakeStreamReader<int>([1, 2]);

        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () =>
        {
            await foreach (var _ in reader.ReadAllAsync(cancellation.Token))
            {
                await cancellation.CancelAsync();
            }
        });

        Assert.Equal(cancellation.Token, reader.LastToken);
    }

    [Fact]
    public async Task The_token_of_the_enumeration_reaches_the_stream()
    {
        using var cancellation = new CancellationTokenSource();
        var reader = new FakeStreamReader<int>([1, 2]);

        await foreach (var _ in reader.ReadAllAsync(CancellationToken.None).WithCancellation(cancellation.Token))
        {
        }

        Assert.Equal(cancellation.Token, reader.LastToken);
    }

    [Fact]
    public void No_stream_is_refused_before_the_enumeration() =>
        Assert.Throws<ArgumentNullException>(() => ((IAsyncStreamReader<int>)null!).ReadAllAsync(TestRun.Token));
}
