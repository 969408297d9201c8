using GrpcPresence.Core.Domain;
using GrpcPresence.Server.Grpc.Wire;
using GrpcPresence.Server.Security.Authentication;

namespace GrpcPresence.Server.Tests.Wire;

public sealed class IncompleteMessagesTests
{
    [Fact]
    public void Bounded_The_bytes_of_a_caller_have_a_maximum_and_leave_those_of_others()
    {
        var incomplete = new IncompleteMessages();
        var (first, second) = (Caller.Account("AC1"), Caller.Operator);

        Assert.True(incomplete.TryAdd(first, Limits.IncompleteBytes));
        Assert.False(incomplete.TryAdd(first, 1));
        Assert.True(incomplete.TryAdd(first, 0));
        Assert.True(incomplete.TryAdd(second, Limits.IncompleteBytes));
        incomplete.Remove(first, Limits.IncompleteBytes);
        Assert.True(incomplete.TryAdd(first, 1));
    }
}
