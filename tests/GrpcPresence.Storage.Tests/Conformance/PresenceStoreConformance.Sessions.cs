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

        Write(session => session.StoreUptime(new ServerUptime(Sample.Time, TimeSpan.FromTicks(7))));
        var last = new ServerUptime(Sample.Time.AddTicks(5), TimeSpan.FromTicks(12));
        Write(session => session.StoreUptime(last));
        Restart();
        Assert.Equal(last, await Store.FindUptimeAsync(Stop));
    }

    [Fact]
    public async Task An_ended_session_keeps_its_latest_time()
    {
        var service = AddService();
        Write(session => session.AddEndedSession(service.Id, Sample.Identity(1), SessionOf("a"), TimeSpan.FromTicks(5)));
        Write(session => session.AddEndedSession(service.Id, Sample.Identity(1), SessionOf("a"), TimeSpan.FromTicks(9)));
        Write(session => session.AddEndedSession(service.Id, Sample.Identity(1), SessionOf("a"), TimeSpan.FromTicks(7)));
        Write(session => session.AddEndedSession(service.Id, Sample.Identity(2), SessionOf("a"), TimeSpan.FromTicks(3)));

        Restart();
        var ended = await Store.ListEndedSessionsAsync(0, 10, Stop);
        Assert.Equal(
            [(Sample.Identity(1), 9L), (Sample.Identity(2), 3L)],
            ended.Select(session => (session.Identity, session.Until.Ticks)));
        Assert.All(ended, session => Assert.Equal((service.Sid, SessionOf("a")), (session.Service, session.Session)));
    }

    [Fact]
    public async Task An_ended_session_can_be_forgotten()
    {
        var service = AddService();
        foreach (var id in new[] { "a", "b" })
            Write(session => session.AddEndedSession(service.Id, Sample.Identity(1), SessionOf(id), TimeSpan.FromTicks(5)));

        Write(session => session.RemoveEndedSession(service.Id, Sample.Identity(1), SessionOf("a")));
        Write(session => session.RemoveEndedSession(service.Id, Sample.Identity(2), SessionOf("b")));

        Assert.Equal("b", Assert.Single(await Store.ListEndedSessionsAsync(0, 10, Stop)).Session.ToString());
    }

    [Fact]
    public async Task An_ended_session_that_is_forgotten_and_remembered_again_has_its_new_time()
    {
        var service = AddService();
        Write(session => session.AddEndedSession(service.Id, Sample.Identity(1), SessionOf("a"), TimeSpan.FromTicks(9)));

        Write(session => session.RemoveEndedSession(service.Id, Sample.Identity(1), SessionOf("a"), until: TimeSpan.FromTicks(5)));

        Assert.Equal(5, Assert.Single(await Store.ListEndedSessionsAsync(0, 10, Stop)).Until.Ticks);
    }

    [Fact]
    public async Task A_commit_keeps_the_ended_sessions_of_several_service_instances_whether_or_not_they_ended_before()
    {
        var (first, second) = (AddService(1), AddService(2));
        End(ticks: 5, "a", "b");
        End(ticks: 4, "c", "d"); // all are new
        End(ticks: 6, "e", "b", "f"); // one ended before

        var ended = await Store.ListEndedSessionsAsync(0, 20, Stop);
        Assert.Equal(ended.Count, ended.Select(session => session.Id).Distinct().Count());
        foreach (var service in new[] { first, second })
        {
            var found = ended.Where(session => session.Service == service.Sid)
                .Select(session => $"{session.Session} {session.Until.Ticks}");
            Assert.Equal(["a 5", "b 6", "c 4", "d 4", "e 6", "f 6"], found.Order());
        }

        void End(long ticks, params string[] ids) => Write(session =>
        {
            foreach (var id in ids)
            {
                session.AddEndedSession(first.Id, Sample.Identity(1), SessionOf(id), TimeSpan.FromTicks(ticks));
                session.AddEndedSession(second.Id, Sample.Identity(1), SessionOf(id), TimeSpan.FromTicks(ticks));
            }
        });
    }

    [Fact]
    public async Task Ended_sessions_are_listed_in_pages_and_not_of_deleted_service_instances()
    {
        var (service, deleted) = (AddService(1), AddService(2));
        for (var number = 0; number < 5; number++)
        {
            var ended = SessionOf($"s{number}");
            Write(session => session.AddEndedSession(service.Id, Sample.Identity(1), ended, TimeSpan.FromTicks(1)));
            Write(session => session.AddEndedSession(deleted.Id, Sample.Identity(1), ended, TimeSpan.FromTicks(1)));
        }
        Write(session => session.DeleteService(deleted.Id));

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
            var (ended, until) = (SessionOf($"s{ticks}"), TimeSpan.FromTicks(ticks));
            Write(session => session.AddEndedSession(service.Id, Sample.Identity(1), ended, until));
        }
        Write(session => session.StoreUptime(new ServerUptime(Sample.Time, TimeSpan.FromTicks(3))));

        Assert.Equal(2, Purge(DateTimeOffset.MinValue, 2));
        Assert.Equal(1, Purge(DateTimeOffset.MinValue, 2));
        Assert.Equal(0, Purge(DateTimeOffset.MinValue, 2));

        Assert.Equal("s4", Assert.Single(await Store.ListEndedSessionsAsync(0, 10, Stop)).Session.ToString());
    }

    [Fact]
    public async Task A_mark_changes_only_when_the_user_was_last_alive()
    {
        var service = AddService(revision: 9);
        var user = AddUser(service, Sample.OnlineUser(1, 2) with { LastAlive = TimeSpan.FromTicks(3) });

        Write(session => session.MarkAlive(service.Id, user.Id, TimeSpan.FromTicks(8)));
        Write(session => session.MarkAlive(service.Id, user.Id + 1, TimeSpan.FromTicks(8)));

        var expected = user with { LastAlive = TimeSpan.FromTicks(8) };
        Assert.Equal(expected, ReadUser(service, Sample.Key(user)));
        Assert.Equal(9, (await Store.FindServiceAsync(service.Sid, Stop))!.Revision);
    }

    private static SessionId SessionOf(string text) => SessionId.FromTrusted(text);
}
