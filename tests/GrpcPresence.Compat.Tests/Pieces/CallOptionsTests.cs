using Grpc.Core;

namespace GrpcPresence.Compat.Tests.Pieces;

public sealed class CallOptionsTests
{
    [Fact]
    public void Options_that_are_not_given_are_absent()
    {
        var options = new CallOptions();

        Assert.Null(options.Headers);
        Assert.Null(options.Deadline);
        Assert.Equal(CancellationToken.None, options.CancellationToken);
        Assert.Null(options.WriteOptions);
        Assert.Null(options.PropagationToken);
        Assert.Null(options.Credentials);
        Assert.False(options.IsWaitForReady);
    }

    [Fact]
    public void A_change_gives_a_copy_that_keeps_the_rest()
    {
        using var cancellation = new CancellationTokenSource();
        var deadline = new DateTime(2030, 1, 1, 0, 0, 0, DateTimeKind.Utc);
        var headers = new Metadata();
        var credentials = CallCredentials.FromInterceptor((_, _) => Task.CompletedTask);
        var original = new CallOptions(headers);

        var changed = original
            .WithDeadline(deadline)
            .WithCancellationToken(cancellation.Token)
            .WithWriteOptions(WriteOptions.Default)
            .WithCredentials(credentials)
            .WithWaitForReady();

        Assert.Null(original.Deadline);
        Assert.Same(headers, changed.Headers);
        Assert.Equal(deadline, changed.Deadline);
        Assert.Equal(cancellation.Token, changed.CancellationToken);
        Assert.Same(WriteOptions.Default, changed.WriteOptions);
        Assert.Same(credentials, changed.Credentials);
        Assert.True(changed.IsWaitForReady);
        Assert.False(changed.WithWaitForReady(waitForReady: false).IsWaitForReady);
        Assert.Same(Metadata.Empty, changed.WithHeaders(Metadata.Empty).Headers);
    }

    [Fact]
    public void Write_options_carry_flags()
    {
        Assert.Equal(default, WriteOptions.Default.Flags);
        Assert.Equal(
            WriteFlags.BufferHint | WriteFlags.NoCompress,
            new WriteOptions(WriteFlags.BufferHint | WriteFlags.NoCompress).Flags);
    }
}
