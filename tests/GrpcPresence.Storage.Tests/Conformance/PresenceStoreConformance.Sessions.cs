using GrpcPresence.Core.Domain.Users;
using GrpcPresence.Core.Storage;

namespace GrpcPresence.Storage.Tests.Conformance;

/// <summary>The uptime, ended sessions, and marks of users that are alive.</summary>
public abstract partial class PresenceStoreConformance
{
    [Fact]
    public async Task The_uptime_is_the_last_one_that_was_committed()
    {
        Assert.Equal(default, await Store.FindUptimeAsync(Stop));

        Write(transaction => transaction.StoreUptime(new ServerUptime(Sample.Time, TimeSpan.FromTicks(7))));
        var last = new ServerUptime(Sample.Time.AddTicks(5), TimeSpan.FromTicks(12));
        Write(transaction => transaction.StoreUptime(last));
        using (var transaction = Store.BeginTransaction())
            transaction.StoreUptime(new ServerUptime(Sample.Time.AddTicks(9), TimeSpan.FromTicks(99)));

        Restart();
        Assert.Equal(last, await Store.FindUptimeAsync(Stop));
    }

    [Fact]
    public async Task An_ended_session_keeps_its_latest_time()
    {
        var service = AddService();
        Write(transaction => transaction.AddEndedSession(service.Id, Sample.Identity(1), Session("a"), TimeSpan.FromTicks(5)));
        Write(transaction => transaction.AddEndedSession(service.Id, Sample.Identity(1), Session("a"), TimeSpan.FromTicks(9)));
        Write(transaction => transaction.AddEndedSession(service.Id, Sample.Identity(1), Session("a"), TimeSpan.FromTicks(7)));
        Write(transaction => transaction.AddEndedSession(service.Id, Sample.Identity(2), Session("a"), TimeSpan.FromTicks(3)));

        Restart();
        var ended = await Store.ListEndedSessionsAsync(0, 10, Stop);
        Assert.Equal(
            [(Sample.Identity(1), 9L), (Sample.Identity(2), 3L)],
            ended.Select(session => (session.Identity, session.Until.Ticks)));
        Assert.All(ended, session => Assert.Equal((service.Sid, Session("a")), (session.Service, session.Session)));
    }

    [Fact]
    public async Task An_ended_session_can_be_forgotten()
    {
        var service = AddService();
        foreach (var session in new[] { "a", "b" })
            Write(transaction => transaction.AddEndedSession(service.Id, Sample.Identity(1), Session(session), TimeSpan.FromTicks(5)));

        Write(transaction => transaction.RemoveEndedSession(service.Id, Sample.Identity(1), Session("a")));
        Write(transaction => transaction.RemoveEndedSession(service.Id, Sample.Identity(2), Session("b")));

        Assert.Equal("b", Assert.Single(await Store.ListEndedSessionsAsync(0, 10, Stop)).Session.ToString());
    }

    [Fact]
    public async Task Ended_sessions_are_listed_in_pages_and_not_of_deleted_service_instances()
    {
        var (service, deleted) = (AddService(1), AddService(2));
        for (var number = 0; number < 5; number++)
        {
            var session = Session($"s{number}");
            Write(transaction => transaction.AddEndedSession(service.Id, Sample.Identity(1), session, TimeSpan.FromTicks(1)));
            Write(transaction => transaction.AddEndedSession(deleted.Id, Sample.Identity(1), session, TimeSpan.FromTicks(1)));
        }
        Write(transaction => transaction.DeleteService(deleted.Id));

        var first = await Store.ListEndedSessionsAsync(0, 3, Stop);
        var second = await Store.ListEndedSessionsAsync(first[^1].Id, 3, Stop);

        Assert.Equal(["s0", "s1", "s2", "s3", "s4"], first.Concat(second).Select(session => session.Session.ToString()));
    }

    [Fact]
    public async Task Ended_sessions_whose_time_has_passed_are_purged()
    {
        var service = AddService();
        for (var ticks = 1; ticks <= 4; ticks++)
        {
            var (session, until) = (Session($"s{ticks}"), TimeSpan.FromTicks(ticks));
            Write(transaction => transaction.AddEndedSession(service.Id, Sample.Identity(1), session, until));
        }
        Write(transaction => transaction.StoreUptime(new ServerUptime(Sample.Time, TimeSpan.FromTicks(3))));

        Assert.Equal(2, Write(transaction => transaction.Purge(DateTimeOffset.MinValue, 2)));
        Assert.Equal(1, Write(transaction => transaction.Purge(DateTimeOffset.MinValue, 2)));
        Assert.Equal(0, Write(transaction => transaction.Purge(DateTimeOffset.MinValue, 2)));

        Assert.Equal("s4", Assert.Single(await Store.ListEndedSessionsAsync(0, 10, Stop)).Session.ToString());
    }

    [Fact]
    public async Task A_mark_changes_only_when_the_user_was_last_alive()
    {
        var service = AddService(revision: 9);
        var user = AddUser(service, Sample.OnlineUser(1, 2) with { LastAlive = TimeSpan.FromTicks(3) });

        Write(transaction => transaction.MarkAlive(service.Id, user.Sid, TimeSpan.FromTicks(8)));
        Write(transaction => transaction.MarkAlive(service.Id, Sample.UserSid(2), TimeSpan.FromTicks(8)));

        var expected = user with { LastAlive = TimeSpan.FromTicks(8) };
        Assert.Equal(expected, Write(transaction => transaction.FindUser(service.Id, Sample.Key(user))));
        Assert.Equal(9, (await Store.FindServiceAsync(service.Sid, Stop))!.Revision);
    }

    private static SessionId Session(string text) => SessionId.FromTrusted(text);
}
