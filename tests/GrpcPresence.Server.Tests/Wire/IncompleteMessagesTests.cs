using GrpcPresence.Server.Grpc.Wire;

namespace GrpcPresence.Server.Tests.Wire;

public sealed class IncompleteMessagesTests
{
    [Fact]
    public void Bounded_The_bytes_of_a_connection_and_of_all_connections_have_a_maximum()
    {
        var all = new IncompleteMessages(max: 15);
        var (first, second) = (new IncompleteMessages(max: 10, all), new IncompleteMessages(max: 10, all));

        Assert.True(first.TryAdd(10));
        Assert.False(first.TryAdd(1));
        Assert.True(first.TryAdd(0));
        Assert.False(second.TryAdd(6));
        Assert.True(second.TryAdd(5));
        first.Remove(10);
        Assert.True(second.TryAdd(5));
        Assert.False(second.TryAdd(1));
        Assert.True(first.TryAdd(5));
    }
}
