using System.Text;
using GrpcPresence.Core.Domain;
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

    [Fact]
    public void Tokens_A_caller_with_many_credentials_replaces_only_its_own()
    {
        var cache = new CallerCache(Capacity);
        cache.Add("other", Caller.Account("AC1"));
        for (var i = 0; i < 10 * Capacity; i++)
            cache.Add($"token-{i}", Caller.Operator);

        Assert.Equal(Limits.CachedCredentialsPerCaller + 1, cache.Count);
        Assert.NotNull(cache.Find("other"));
    }

    [Fact]
    public void Tokens_Callers_that_are_not_looked_up_make_room_for_others()
    {
        var cache = new CallerCache(Capacity);
        cache.Add("used", Caller.Account("used"));
        for (var i = 0; i < 3 * Capacity; i++)
        {
            cache.Add($"once-{i}", Caller.Account($"once-{i}"));
            Assert.NotNull(cache.Find("used"));
        }
        Assert.Equal(Capacity, cache.Count);
        Assert.Null(cache.Find("once-0"));
    }

    [Theory]
    [InlineData("basic ")]
    [InlineData("BASIC ")]
    public void Tokens_One_key_has_one_form(string scheme)
    {
        const string Sid = "SK00000000000000000000000000000abc";
        var usual = $"Basic {Encode($"{Sid}:secret")}";

        Assert.Equal(usual, CanonicalCredentials.Of(usual));
        Assert.Equal(usual, CanonicalCredentials.Of(scheme + Encode($"{Sid}:secret")));
        Assert.Equal(usual, CanonicalCredentials.Of(scheme + Encode($"{Sid.ToUpperInvariant()}:secret")));
        // Unused bits of the last character: 43 bytes of base64 leave four of them.
        Assert.Equal('=', usual[^1]);
        var last = usual.IndexOf('=') - 1;
        var other = usual[..last] + (char)(usual[last] + 1) + usual[(last + 1)..];
        Assert.Equal(usual, CanonicalCredentials.Of(other));
        Assert.Null(CanonicalCredentials.Of($"{scheme} {Encode($"{Sid}:secret")}"));
        Assert.NotEqual(usual, CanonicalCredentials.Of(scheme + Encode($"{Sid}:Secret")));
    }

    [Fact]
    public void Tokens_One_token_has_one_form()
    {
        const string Usual = "Bearer head.body.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

        Assert.Equal(Usual, CanonicalCredentials.Of(Usual));
        Assert.Equal(Usual, CanonicalCredentials.Of("bearer" + Usual["Bearer".Length..]));
        Assert.Equal(Usual, CanonicalCredentials.Of(Usual[..^1] + "B"));
        Assert.NotEqual(Usual, CanonicalCredentials.Of(Usual[..^1] + "E"));
        Assert.NotEqual(Usual, CanonicalCredentials.Of(Usual.Replace("body", "b0dy", StringComparison.Ordinal)));
        Assert.Null(CanonicalCredentials.Of(Usual + "="));
        Assert.Null(CanonicalCredentials.Of(Usual + new string('A', Limits.CachedCredentialsLength)));
    }

    private static string Encode(string text) => Convert.ToBase64String(Encoding.UTF8.GetBytes(text));
}
