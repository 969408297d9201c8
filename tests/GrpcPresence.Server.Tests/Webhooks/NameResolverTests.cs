using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Server.Tests.Fixture;
using GrpcPresence.Server.Webhooks;
using Microsoft.Extensions.Time.Testing;
using Barrier = GrpcPresence.Server.Tests.Fixture.Barrier;

namespace GrpcPresence.Server.Tests.Webhooks;

/// <summary>What names that do not resolve can occupy.</summary>
public sealed class NameResolverTests : IDisposable
{
    private static readonly WebhookUse Hostile = new(new ServiceSid(1));
    private static readonly WebhookUse Honest = new(new ServiceSid(2));
    private static readonly IPAddress Address = IPAddress.Parse("8.8.8.8");

    private readonly ConcurrentQueue<string> _asked = [];
    private readonly TaskCompletionSource<IPAddress[]> _hanging = new();
    private readonly FakeTimeProvider _time = new();
    private readonly WebhookNetwork _network;

    public NameResolverTests() => _network = new WebhookNetwork(lookup: LookUpAsync, time: _time);

    public void Dispose() => _network.Dispose();

    [Fact]
    public async Task Never_unasked_a_lookup_that_cannot_be_started_does_not_count_as_an_unknown_name()
    {
        using var network = new WebhookNetwork(lookup: _ => throw new InsufficientMemoryException());

        var refusal = await Assert.ThrowsAsync<PresenceException>(() => network.SendAsync("http://honest.example/", Honest));

        Assert.Equal(ErrorReason.WebhookCapacityExceeded, refusal.Reason);
    }

    [Fact]
    public async Task Names_that_never_answer_use_up_only_the_lookups_of_their_service_instance()
    {
        var hanging = Enumerable.Range(0, 2).Select(i => ResolveAsync(Hostile, $"hang-{i}.example")).ToList();

        var refusal = await Assert.ThrowsAsync<PresenceException>(() => ResolveAsync(Hostile, "hang-2.example"));
        Assert.Equal((ErrorReason.QuotaExceeded, "webhook_lookups"), (refusal.Reason, refusal.Details["quota"]));
        Assert.Equal([Address], await ResolveAsync(Honest, "honest.example"));

        Assert.All(hanging, lookup => Assert.False(lookup.IsCompleted));
    }

    [Fact]
    public async Task Names_of_many_service_instances_that_never_answer_leave_a_lookup_to_another()
    {
        for (var tenant = 100; tenant < 150; tenant++)
        {
            for (var i = 0; i < 4; i++)
                _ = ResolveAsync(new WebhookUse(new ServiceSid((UInt128)tenant)), $"hang-{tenant}-{i}.example");
        }

        Assert.Equal([Address], await ResolveAsync(Honest, "honest.example"));
        Assert.InRange(_network.Lookups.Level, 50, 127);
    }

    [Fact]
    public async Task Without_a_free_lookup_the_server_reports_its_own_lack_of_capacity()
    {
        for (var tenant = 100; tenant < 300; tenant++)
            _ = ResolveAsync(new WebhookUse(new ServiceSid((UInt128)tenant)), $"hang-{tenant}.example");

        var refusal = await Assert.ThrowsAsync<PresenceException>(() => ResolveAsync(Honest, "honest.example"));

        Assert.Equal(ErrorReason.WebhookCapacityExceeded, refusal.Reason);
    }

    [Fact]
    public async Task Webhooks_of_one_name_share_one_lookup_and_its_result()
    {
        var first = ResolveAsync(Hostile, "hang.example");
        var second = ResolveAsync(Honest, "HANG.example");
        Assert.Equal(["hang.example"], _asked);

        _hanging.SetResult([Address]);

        Assert.Equal([Address], await first);
        Assert.Equal([Address], await second);
        Assert.Equal([Address], await ResolveAsync(Honest, "hang.example"));
        Assert.Single(_asked);
        _time.Advance(NameResolver.ResultLifetime);
        await ResolveAsync(Honest, "hang.example");
        Assert.Equal(2, _asked.Count);
    }

    [Theory]
    [InlineData("failing.example")]
    [InlineData("empty.example")]
    public async Task A_failed_lookup_is_repeated_only_after_a_while(string host)
    {
        await Assert.ThrowsAsync<SocketException>(() => ResolveAsync(Honest, host));
        await Assert.ThrowsAsync<SocketException>(() => ResolveAsync(Hostile, host));
        Assert.Single(_asked);

        _time.Advance(NameResolver.FailureLifetime);
        await Assert.ThrowsAsync<SocketException>(() => ResolveAsync(Honest, host));
        Assert.Equal(2, _asked.Count);
    }

    [Fact]
    public async Task The_names_of_one_service_instance_do_not_evict_those_of_others()
    {
        await ResolveAsync(Honest, "honest.example");

        for (var i = 0; i < 1000; i++)
            await ResolveAsync(Hostile, $"{i}.example");

        Assert.InRange(_network.Resolver.Count, 2, NameResolver.ResultsPerTenant + 2);
        await ResolveAsync(Honest, "honest.example");
        Assert.Single(_asked, "honest.example");
    }

    [Fact]
    public async Task All_service_instances_together_keep_a_limited_number_of_results()
    {
        for (var tenant = 0; tenant < NameResolver.Results + 100; tenant++)
            await ResolveAsync(new WebhookUse(new ServiceSid((UInt128)tenant)), $"{tenant}.example");

        Assert.InRange(_network.Resolver.Count, 1, NameResolver.Results);
    }

    [Fact]
    public async Task A_name_with_thousands_of_addresses_keeps_few_of_each_family()
    {
        var addresses = await ResolveAsync(Honest, "many.example");

        Assert.Equal(2 * NameResolver.AddressesPerFamily, addresses.Length);
        Assert.Contains(addresses, address => address.AddressFamily == AddressFamily.InterNetworkV6);
    }

    [Fact]
    public async Task A_lookup_that_hangs_blocks_no_thread_of_the_pool()
    {
        var lookup = NameResolver.LookUpOnOwnThreadAsync("localhost");

        await Barrier.Within(lookup, "the operating system resolves the name");
        Assert.NotEmpty(await lookup);
    }

    private Task<IPAddress[]> ResolveAsync(WebhookUse use, string host) => _network.Resolver.ResolveAsync(use, host, TestRun.Token);

    private Task<IPAddress[]> LookUpAsync(string host)
    {
        _asked.Enqueue(host);
        return host.Split('.', '-')[0].ToUpperInvariant() switch
        {
            "HANG" => _hanging.Task,
            "FAILING" => Task.FromException<IPAddress[]>(new SocketException((int)SocketError.TryAgain)),
            "EMPTY" => Task.FromResult<IPAddress[]>([]),
            "MANY" => Task.FromResult<IPAddress[]>([
                .. Enumerable.Range(0, 3000).Select(i => new IPAddress(0x01010101 + i)),
                .. Enumerable.Range(0, 3000).Select(_ => IPAddress.Parse("2606:4700::1111"))]),
            _ => Task.FromResult<IPAddress[]>([Address]),
        };
    }
}
