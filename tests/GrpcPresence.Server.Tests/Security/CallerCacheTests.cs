using GrpcPresence.Server.Security.Authentication;

namespace GrpcPresence.Server.Tests.Security;

public sealed class CallerCacheTests
{
    private const int Capacity = 1000;

    [Fact]
    public void Tokens_The_cache_is_bounded_and_keeps_callers_that_are_looked_up()
    {
        var cache = new CallerCache(Capacity);
        cache.Add("used", Caller.Operator);
        for (var i = 0; i < 3 * Capacity; i++)
        {
            cache.Add($"once-{i}", Caller.Operator);
            Assert.NotNull(cache.Find("used"));
            Assert.True(cache.Count <= Capacity, $"The cache holds {cache.Count} entries after {i} additions; the limit is {Capacity}.");
        }
        Assert.Null(cache.Find("once-0"));
    }

    [Fact]
    public void Tokens_A_removed_caller_is_gone_from_both_generations()
    {
        var cache = new CallerCache(Capacity);
        cache.Add("old", Caller.Operator);
        for (var i = 0; i < Capacity / 2; i++)
            cache.Add($"once-{i}", Caller.Operator);
        cache.Add("young", Caller.Operator);

        cache.Remove("old");
        cache.Remove("young");

        Assert.Null(cache.Find("old"));
        Assert.Null(cache.Find("young"));
    }
}
