using Grpc.Core;

namespace GrpcPresence.Compat.Tests.Pieces;

/// <summary>The write with a token, as a writer has it that knows only the other one.</summary>
public sealed class StreamWriterTests
{
    private readonly SimpleWriter _writer = new();

    [Fact]
    public async Task A_token_that_cannot_be_cancelled_makes_a_plain_write()
    {
        await ((IAsyncStreamWriter<string>)_writer).WriteAsync("message", CancellationToken.None);

        Assert.Equal(["message"], _writer.Written);
    }

    [Fact]
    public async Task A_token_that_can_be_cancelled_is_refused_and_nothing_is_written()
    {
        using var cancellation = new CancellationTokenSource();

        await Assert.ThrowsAsync<NotSupportedException>(
            () => ((IAsyncStreamWriter<string>)_writer).WriteAsync("message", cancellation.Token));

        Assert.Empty(_writer.Written);
    }

    private sealed class SimpleWriter : IClientStreamWriter<string>
    {
        public List<string> Written { get; } = [];

        public WriteOptions? WriteOptions { get; set; }

        public Task WriteAsync(string message)
        {
            Written.Add(message);
            return Task.CompletedTask;
        }

        public Task CompleteAsync() => Task.CompletedTask;
    }
}
