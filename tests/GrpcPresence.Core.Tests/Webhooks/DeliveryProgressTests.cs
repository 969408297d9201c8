using GrpcPresence.Core.Domain.Users;
using GrpcPresence.Core.Storage;
using GrpcPresence.Core.Tests.Fixture;
using GrpcPresence.Core.Webhooks;

namespace GrpcPresence.Core.Tests.Webhooks;

public sealed class DeliveryProgressTests
{
    private readonly DeliveryProgress _progress = new(serviceId: 1, new WebhookPosition(10));

    [Fact]
    public void The_position_moves_only_at_the_end_of_a_scan()
    {
        _progress.Complete(User(1, created: 20));
        _progress.MarkScanned(20);
        Assert.Equal((10, 20), (_progress.Position.Revision, _progress.Cursor));

        _progress.CompleteScan(25);
        Assert.Equal((25, 25), (_progress.Position.Revision, _progress.Cursor));
    }

    [Fact]
    public void The_position_stays_below_the_first_undelivered_change_not_below_the_last()
    {
        _progress.ScheduleRetry(User(1, created: 12, renamed: 40), isCreationDelivered: false);
        _progress.CompleteScan(50);
        Assert.Equal(11, _progress.Position.Revision);

        _progress.ScheduleRetry(User(1, created: 12, renamed: 40), isCreationDelivered: true);
        Assert.Equal(39, _progress.Position.Revision);

        _progress.Complete(User(1, created: 12, renamed: 40));
        Assert.Equal(50, _progress.Position.Revision);
    }

    [Fact]
    public void Failures_at_one_endpoint_do_not_count_for_the_next()
    {
        var pending = _progress.ScheduleRetry(User(1, created: 12), isCreationDelivered: false);
        (pending.Failures, pending.FailuresWhileUp, pending.DueAt) = (9, 9, TimeSpan.FromMinutes(5));

        _progress.ResetFailures();

        Assert.Equal((0, 0, TimeSpan.Zero), (pending.Failures, pending.FailuresWhileUp, pending.DueAt));
        Assert.Equal(10, _progress.Position.Revision);
    }

    [Fact]
    public void Reasons_of_a_pending_user_are_counted_from_the_last_delivered_revision()
    {
        _progress.ScheduleRetry(User(1, created: 5, renamed: 12), isCreationDelivered: false);
        _progress.CompleteScan(50);

        Assert.Equal(
            UpdateReasons.FriendlyName | UpdateReasons.ReachabilityOnline,
            _progress.ReasonsOf(User(1, created: 5, renamed: 12, online: 60)));
    }

    [Fact]
    public void A_user_delivered_in_a_scan_has_only_new_reasons_when_the_scan_reads_it_again()
    {
        _progress.Complete(User(1, created: 20));

        Assert.Equal(UpdateReasons.FriendlyName, _progress.ReasonsOf(User(1, created: 20, renamed: 30)));
    }

    [Fact]
    public void Changes_that_skip_webhooks_are_not_reasons() =>
        Assert.Equal(
            UpdateReasons.ReachabilityOnline,
            _progress.ReasonsOf(User(1, created: 5, renamed: 12, online: 13) with { QuietReasons = UpdateReasons.FriendlyName }));

    [Fact]
    public void The_user_that_is_due_first_is_retried_first()
    {
        for (var i = 1; i <= 3; i++)
            _progress.ScheduleRetry(User(i, created: 20), isCreationDelivered: false).DueAt = TimeSpan.FromSeconds(10 - i);

        Assert.Equal([new UserSid(3), new UserSid(2)], _progress.DueAt(TimeSpan.FromSeconds(9), limit: 2));
        Assert.Equal([new UserSid(3)], _progress.DueAt(TimeSpan.FromSeconds(7), limit: 2));
        Assert.Equal(TimeSpan.FromSeconds(7), _progress.NextDue);
        _progress.Remove(new UserSid(3));
        Assert.Equal(TimeSpan.FromSeconds(8), _progress.NextDue);
    }

    [Fact]
    public void The_end_of_an_on_period_starts_a_sweep_of_the_users_that_were_known_in_it()
    {
        _progress.EnterPeriod(5);
        Assert.Null(_progress.Sweep);

        _progress.EnterPeriod(null);
        Assert.Equal(new WebhookSweep(KnownSince: 5, AfterId: 0), _progress.Sweep);
        _progress.MarkSwept(7);

        _progress.EnterPeriod(20);
        Assert.Equal(new WebhookSweep(KnownSince: 5, AfterId: 7), _progress.Sweep);
        _progress.EnterPeriod(30);
        Assert.Equal(new WebhookPosition(10, KnownSince: 30, new WebhookSweep(KnownSince: 5, AfterId: 0)), _progress.Position);
    }

    [Fact]
    public void A_change_of_a_user_that_a_sweep_has_not_reached_names_what_the_sweep_would()
    {
        var user = User(4, created: 5, online: 6, renamed: 20) with { Id = 4, KnownRevision = 6 };
        _progress.EnterPeriod(5);
        _progress.EnterPeriod(null);
        Assert.Equal(UpdateReasons.FriendlyName | UpdateReasons.ReachabilityOnline, _progress.ReasonsOf(user));
        Assert.Equal(UpdateReasons.FriendlyName, _progress.ReasonsOf(user with { KnownRevision = 4 }));

        _progress.MarkSwept(4);

        Assert.Equal(UpdateReasons.FriendlyName, _progress.ReasonsOf(user));
    }

    [Fact]
    public void A_restart_repeats_a_sweep_for_the_users_that_are_pending()
    {
        var user = User(1, created: 5, online: 6) with { Id = 4, KnownRevision = 6 };
        _progress.EnterPeriod(5);
        _progress.EnterPeriod(null);
        _progress.ScheduleRetry(user, isCreationDelivered: false);
        _progress.AddSweep(user, _progress.Sweep!);
        _progress.MarkSwept(9);
        _progress.CompleteSweep();

        Assert.Equal(new WebhookPosition(10, KnownSince: null, new WebhookSweep(KnownSince: 5, AfterId: 3)), _progress.Position);
        Assert.Equal(UpdateReasons.ReachabilityOnline, _progress.ReasonsOf(user));
        _progress.Complete(user);
        Assert.Null(_progress.Position.Sweep);
    }

    [Fact]
    public void A_change_of_a_user_that_is_pending_only_because_of_a_sweep_is_not_lost_at_a_restart()
    {
        _progress.EnterPeriod(5);
        _progress.EnterPeriod(null);
        _progress.ScheduleRetry(User(1, created: 5, online: 6), isCreationDelivered: false);
        _progress.CompleteScan(20);
        Assert.Equal(20, _progress.Position.Revision);

        _progress.NoteChange(User(1, created: 5, online: 6, renamed: 30));
        _progress.CompleteScan(40);

        Assert.Equal(29, _progress.Position.Revision);
    }

    private static UserRecord User(int sid, long created, long renamed = 0, long online = 0) => new()
    {
        Sid = new UserSid((UInt128)sid),
        Identity = World.Id($"user{sid}"),
        CreateTime = DateTimeOffset.UnixEpoch,
        UpdateTime = DateTimeOffset.UnixEpoch,
        CreatedRevision = created,
        FriendlyNameRevision = renamed,
        OnlineRevision = online,
        Revision = Math.Max(created, Math.Max(renamed, online)),
    };
}
