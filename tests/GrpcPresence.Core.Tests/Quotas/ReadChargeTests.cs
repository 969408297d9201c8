using GrpcPresence.Core.Domain;
using GrpcPresence.Core.Domain.Errors;

namespace GrpcPresence.Core.Tests.Quotas;

/// <summary>Tests the charge of reads by rows: at least one before the read, and the rest as debt.</summary>
public sealed class ReadChargeTests : IDisposable
{
    private readonly QuotaWorld _world = new();

    public void Dispose() => _world.Dispose();

    [Fact]
    public async Task Quotas_A_reader_that_reads_page_by_page_is_delayed_and_never_rejected()
    {
        // Pages of half a second's rows: the burst pays two of them, and each further one waits for half a second.
        for (var page = 0; page < 10; page++)
        {
            var charge = Charge("eve", Limits.MaxReadDelay).AsTask();
            Assert.Equal(page < 2, charge.IsCompleted);
            if (page >= 2)
                _world.Time.Advance(TimeSpan.FromSeconds(0.5));
            Assert.Null(await charge.WaitAsync(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken));
            _world.Limiter.SpendRows(_world.Service, _world.User("eve"), (QuotaWorld.OfUser.RowsReadPerSecond / 2) - 1);
        }
    }

    [Fact]
    public async Task Quotas_A_reader_in_deep_debt_is_rejected_with_the_time_until_it_is_paid()
    {
        Assert.Null(await Charge("eve", Limits.MaxReadDelay));
        _world.Limiter.SpendRows(service: null, _world.User("eve"), (5 * QuotaWorld.OfUser.RowsReadPerSecond) - 1);

        var error = await Charge("eve", Limits.MaxReadDelay);

        Assert.Equal((ErrorReason.QuotaExceeded, "rows_read_per_second", "caller"),
            (error!.Reason, error.Details["quota"], error.Details["subject"]));
        Assert.InRange(error.RetryAfter!.Value.TotalSeconds, 4, 4.1);
        Assert.Null(await Charge("bob", Limits.MaxReadDelay));
    }

    [Fact]
    public async Task Quotas_A_watch_in_deep_debt_waits_until_it_is_paid()
    {
        Assert.Null(await Charge("eve", TimeSpan.MaxValue));
        _world.Limiter.SpendRows(_world.Service, _world.User("eve"), (QuotaWorld.OfService.RowsReadPerSecond * 2) - 1);

        var charge = Charge("eve", TimeSpan.MaxValue).AsTask();

        _world.Time.Advance(TimeSpan.FromSeconds(2.9));
        Assert.False(charge.IsCompleted);
        _world.Time.Advance(TimeSpan.FromSeconds(0.2));
        Assert.Null(await charge.WaitAsync(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task Quotas_The_rows_of_all_callers_together_are_those_of_the_service_instance()
    {
        Assert.Null(await Charge("eve", Limits.MaxReadDelay));
        _world.Limiter.SpendRows(_world.Service, caller: null, 5 * QuotaWorld.OfService.RowsReadPerSecond);

        var error = await Charge("bob", Limits.MaxReadDelay);

        Assert.Equal("service_instance", error!.Details["subject"]);
        // The caller's row was given back.
        Assert.True(_world.User("bob").RowsRead.IsFull(_world.Time.GetTimestamp()));
    }

    [Fact]
    public async Task Quotas_Rows_in_debt_keep_the_counters_of_their_reader()
    {
        Assert.Null(await Charge("eve", Limits.MaxReadDelay));
        _world.Limiter.SpendRows(_world.Service, _world.User("eve"), 5 * QuotaWorld.OfUser.RowsReadPerSecond);
        _world.Time.Advance(TimeSpan.FromSeconds(1));

        _world.Limiter.Sweep();

        Assert.NotNull(await Charge("eve", Limits.MaxReadDelay));
    }

    [Fact]
    public void Quotas_Reads_at_the_same_time_are_limited_for_the_caller_and_for_the_service_instance()
    {
        var eve = _world.User("eve");
        var open = new List<IDisposable>();
        for (var i = 0; i < QuotaWorld.OfUser.ConcurrentReads; i++)
        {
            Assert.True(_world.Limiter.TryBeginRead(_world.Service, eve, out var lease, out _));
            open.Add(lease);
        }

        Assert.False(_world.Limiter.TryBeginRead(_world.Service, eve, out _, out var ofCaller));
        Assert.Equal(("concurrent_reads", "caller"), (ofCaller.Details["quota"], ofCaller.Details["subject"]));
        for (var i = open.Count; i < QuotaWorld.OfService.ConcurrentReads; i++)
            Assert.True(_world.Limiter.TryBeginRead(_world.Service, _world.User($"other-{i}"), out _, out _));
        Assert.False(_world.Limiter.TryBeginRead(_world.Service, _world.User("bob"), out _, out var ofService));
        Assert.Equal("service_instance", ofService.Details["subject"]);

        open.ForEach(lease => lease.Dispose());
        Assert.True(_world.Limiter.TryBeginRead(_world.Service, eve, out _, out _));
    }

    private ValueTask<PresenceException?> Charge(string user, TimeSpan patience) =>
        _world.Limiter.ChargeReadAsync(_world.Service, _world.User(user), rows: 1, patience, TestContext.Current.CancellationToken);
}
