using GrpcPresence.Core.Domain;
using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Quotas;

namespace GrpcPresence.Core.Tests.Quotas;

/// <summary>Tests the leases of open streams.</summary>
public sealed class OpenStreamTests : IDisposable
{
    private readonly QuotaWorld _world = new();

    public void Dispose() => _world.Dispose();

    [Fact]
    public void A_watch_counts_for_both_subjects_until_the_first_disposal_of_its_lease()
    {
        var first = Open(_world.User("ada"));
        Open(_world.User("ada"));
        Assert.Equal(("open_streams", "caller", "2"), RejectionOf(_world.User("ada")));
        Open(_world.User("bob"));
        Assert.Equal(("open_streams", "service_instance", "3"), RejectionOf(_world.User("bob")));

        first.Dispose();
        first.Dispose();
        Open(_world.User("ada"));
        Assert.Equal(("open_streams", "service_instance", "3"), RejectionOf(_world.User("bob")));
    }

    [Fact]
    public void A_watch_counts_the_users_that_it_names()
    {
        using (Open(_world.User("ada"), watchedUsers: 50))
        {
            Assert.Equal(("watched_users", "caller", "50"), RejectionOf(_world.User("ada"), watchedUsers: 1));
            using (Open(_world.User("ada"), watchedUsers: 0))
            {
                Open(caller: null, watchedUsers: 50);
            }
            Assert.Equal(("watched_users", "service_instance", "100"), RejectionOf(_world.User("bob"), watchedUsers: 1));
        }
        Open(_world.User("ada"), watchedUsers: 50);
    }

    [Fact]
    public void A_rejected_stream_does_not_count()
    {
        var service = Open(caller: null, watchedUsers: 100);
        for (var i = 0; i < 5; i++)
        {
            RejectionOf(_world.User("ada"), watchedUsers: 1); // rejected by the quota of the service instance
            RejectionOf(_world.User("ada"), watchedUsers: 51); // rejected by the quota of the caller
        }
        service.Dispose();

        Assert.Equal((0, 0), (_world.Service.OpenStreams.Level, _world.Service.WatchedUsers.Level));
        Assert.Equal((0, 0), (_world.User("ada").OpenStreams.Level, _world.User("ada").WatchedUsers.Level));
    }

    [Fact]
    public void The_retry_delay_for_open_streams_is_fixed()
    {
        Assert.False(_world.Limiter.TryOpenStream(_world.Service, caller: null, watchedUsers: 101, out _, out var rejection));
        Assert.Equal(Limits.LevelQuotaRetry, rejection.RetryAfter);
    }

    private IDisposable Open(UsageCounters? caller, int watchedUsers = 1)
    {
        Assert.True(_world.Limiter.TryOpenStream(_world.Service, caller, watchedUsers, out var lease, out _));
        return lease;
    }

    private (string Quota, string Subject, string Limit) RejectionOf(UsageCounters? caller, int watchedUsers = 1)
    {
        Assert.False(_world.Limiter.TryOpenStream(_world.Service, caller, watchedUsers, out _, out var rejection));
        Assert.Equal(ErrorReason.QuotaExceeded, rejection.Reason);
        return (rejection.Details["quota"], rejection.Details["subject"], rejection.Details["limit"]);
    }
}
