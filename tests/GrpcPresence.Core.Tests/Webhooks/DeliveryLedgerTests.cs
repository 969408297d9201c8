using GrpcPresence.Core.Domain.Users;
using GrpcPresence.Core.Tests.Fixture;
using GrpcPresence.Core.Webhooks;

namespace GrpcPresence.Core.Tests.Webhooks;

public sealed class DeliveryLedgerTests
{
    private readonly DeliveryLedger _ledger = new(serviceId: 1, position: 10);

    [Fact]
    public void The_position_moves_only_at_the_end_of_a_scan()
    {
        _ledger.Settle(User(1, created: 20));
        _ledger.Pass(20);
        Assert.Equal((10, 20), (_ledger.Position, _ledger.Cursor));

        _ledger.ReachEnd(25);
        Assert.Equal((25, 25), (_ledger.Position, _ledger.Cursor));
    }

    [Fact]
    public void The_position_stays_below_the_first_change_that_is_owed_not_below_the_last()
    {
        _ledger.Owe(User(1, created: 12, renamed: 40), isCreationTold: false);
        _ledger.ReachEnd(50);
        Assert.Equal(11, _ledger.Position);

        _ledger.Owe(User(1, created: 12, renamed: 40), isCreationTold: true);
        Assert.Equal(39, _ledger.Position);

        _ledger.Settle(User(1, created: 12, renamed: 40));
        Assert.Equal(50, _ledger.Position);
    }

    [Fact]
    public void What_one_receiver_failed_is_not_held_against_the_next()
    {
        var owed = _ledger.Owe(User(1, created: 12), isCreationTold: false);
        (owed.FailuresAlive, owed.DueAt) = (9, TimeSpan.FromMinutes(5));

        _ledger.ForgetFailures();

        Assert.Equal((0, 0, TimeSpan.Zero), (owed.Failures, owed.FailuresAlive, owed.DueAt));
        Assert.Equal(10, _ledger.Position);
    }

    [Fact]
    public void Reasons_of_an_owed_user_are_counted_from_what_the_receiver_knows()
    {
        _ledger.Owe(User(1, created: 5, renamed: 12), isCreationTold: false);
        _ledger.ReachEnd(50);

        Assert.Equal(UpdateReasons.FriendlyName | UpdateReasons.ReachabilityOnline, _ledger.ReasonsOf(User(1, created: 5, renamed: 12, online: 60)));
    }

    [Fact]
    public void Who_was_told_in_a_scan_is_told_only_what_is_new_when_the_scan_meets_it_again()
    {
        _ledger.Settle(User(1, created: 20));

        Assert.Equal(UpdateReasons.FriendlyName, _ledger.ReasonsOf(User(1, created: 20, renamed: 30)));
    }

    [Fact]
    public void Quiet_changes_are_no_reasons() =>
        Assert.Equal(
            UpdateReasons.ReachabilityOnline,
            _ledger.ReasonsOf(User(1, created: 5, renamed: 12, online: 13) with { QuietReasons = UpdateReasons.FriendlyName }));

    [Fact]
    public void Who_is_due_first_is_tried_first()
    {
        for (var i = 1; i <= 3; i++)
            _ledger.Owe(User(i, created: 20), isCreationTold: false).DueAt = TimeSpan.FromSeconds(10 - i);

        Assert.Equal([new UserSid(3), new UserSid(2)], _ledger.DueAt(TimeSpan.FromSeconds(9), limit: 2));
        Assert.Equal([new UserSid(3)], _ledger.DueAt(TimeSpan.FromSeconds(7), limit: 2));
        Assert.Equal(TimeSpan.FromSeconds(7), _ledger.NextDue);
        _ledger.Forget(new UserSid(3));
        Assert.Equal(TimeSpan.FromSeconds(8), _ledger.NextDue);
    }

    private static UserRecord User(int sid, long created, long renamed = 0, long online = 0) => new()
    {
        Sid = new UserSid((UInt128)sid),
        Identity = CoreWorld.Id($"user{sid}"),
        CreateTime = DateTimeOffset.UnixEpoch,
        UpdateTime = DateTimeOffset.UnixEpoch,
        CreatedRevision = created,
        FriendlyNameRevision = renamed,
        OnlineRevision = online,
        Revision = Math.Max(created, Math.Max(renamed, online)),
    };
}
