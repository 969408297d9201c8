using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Domain.Users;
using GrpcPresence.Core.Storage;
using GrpcPresence.Core.Storage.Batches;

namespace GrpcPresence.Storage.Tests.Conformance;

/// <summary>Commits: what is refused, what is stale, and what is known of one whose outcome was unknown.</summary>
public abstract partial class PresenceStoreConformance
{
    [Fact]
    public async Task What_is_prepared_is_invisible_until_it_is_committed()
    {
        var service = AddService(revision: 2);
        var session = Session;
        session.UpdateService(service with { Revision = 3 });
        session.InsertUser(service.Id, Sample.User(1, 3));
        var writes = session.Build();

        var read = await Store.ListUsersAsync(service.Sid, 0, 10, online: null, Stop);

        Assert.Empty(read.Users);
        Assert.Equal(2, read.Service.Revision);
        session.Commit(writes);
        read = await Store.ListUsersAsync(service.Sid, 0, 10, online: null, Stop);
        Assert.Single(read.Users);
        Assert.Equal(3, read.Service.Revision);
    }

    [Fact]
    public void A_commit_returns_the_counters_that_each_service_instance_had_before()
    {
        var (first, second) = (AddService(1, 5), AddService(2, 7));
        AddUser(second, Sample.User(1, 6));
        var session = Session;
        session.UpdateService(second with { Revision = 9 });
        session.UpdateService(first with { FriendlyName = "another" });
        var added = session.InsertService(Sample.Service(3));

        var result = session.Commit();

        Assert.Equal(
            [
                (second.Sid, false, 7L, RowKeys.FirstOf(second.Id) + 1),
                (first.Sid, false, 5L, RowKeys.FirstOf(first.Id)),
                (added.Sid, false, 0L, RowKeys.FirstOf(added.Id)),
            ],
            result.Services.Select(service => (service.Sid, service.IsStale, service.Base.Revision, service.Base.NextUserId)));
    }

    [Fact]
    public async Task A_service_instance_that_changed_since_it_was_read_is_stale_and_the_others_are_committed()
    {
        var (first, second) = (AddService(1, 5), AddService(2, 5));
        var session = Session;
        session.UpdateService(first with { Revision = 6 });
        var lost = session.InsertUser(first.Id, Sample.User(1, 6));
        session.UpdateService(second with { Revision = 6 });
        var kept = session.InsertUser(second.Id, Sample.User(2, 6));
        var writes = session.Build();
        // A change without a revision counts as well.
        Write(other => other.UpdateService(first with { FriendlyName = "faster" }));

        var result = Session.Commit(Renumbered(writes));

        Assert.Equal([true, false], result.Services.Select(service => service.IsStale));
        Assert.Equal((true, false), (result.IsStale(first.Sid), result.IsStale(second.Sid)));
        Assert.Equal(first with { FriendlyName = "faster" }, await Store.FindServiceAsync(first.Sid, Stop));
        Assert.Null(await FindUser(first, Sample.Key(lost)));
        Assert.Equal(kept, await FindUser(second, Sample.Key(kept)));
    }

    [Fact]
    public async Task A_commit_that_changes_settings_or_deletes_makes_what_was_read_before_stale()
    {
        var service = AddService(revision: 9);
        var user = AddUser(service, Sample.User(1, 2));
        var binding = Write(session => session.InsertBinding(service.Id, user.Id, Sample.Binding(1, user)));
        Action<StoreSession>[] changes =
        [
            session => session.UpdateService(service with { FriendlyName = "another" }),
            session => session.UpdateService(service with { Configuration = service.Configuration with { AutoCreateUsers = false } }),
            session => session.PutWebhook(WebhookOf(service, "https://post.example", 1)),
            session => session.PutNotifications(service.Id, new NotificationSettings { LogEnabled = true }),
            session => session.DeleteService(service.Id),
        ];
        foreach (var change in changes)
        {
            var session = Session;
            session.UpdateService(service with { Revision = 99 });
            var writes = session.Build();
            Write(change);

            Assert.True(Session.Commit(Renumbered(writes)).IsStale(service.Sid));
        }
        Assert.Null(await Store.FindServiceAsync(service.Sid, Stop));
    }

    [Fact]
    public async Task A_mark_or_the_uptime_makes_nothing_stale()
    {
        var service = AddService(revision: 2);
        var user = AddUser(service, Sample.OnlineUser(1, 2));
        var session = Session;
        session.UpdateService(service with { Revision = 3 });
        var writes = session.Build();
        Write(other => other.MarkAlive(service.Id, user.Id, TimeSpan.FromTicks(8)));
        Write(other => other.StoreUptime(default));

        Assert.True(Session.Commit(Renumbered(writes)).IsWhole);
        Assert.Equal(3, (await Store.FindServiceAsync(service.Sid, Stop))!.Revision);
    }

    [Fact]
    public async Task A_service_instance_whose_SID_was_taken_since_is_stale()
    {
        var session = Session;
        session.InsertService(Sample.Service(1));
        var writes = session.Build();
        var faster = Write(other => other.InsertService(Sample.Service(1) with { FriendlyName = "faster" }));

        var result = Session.Commit(Renumbered(writes));

        Assert.True(result.IsStale(Sample.ServiceSid(1)));
        Assert.Equal(faster, await Store.FindServiceAsync(Sample.ServiceSid(1), Stop));
    }

    [Fact]
    public async Task When_the_directory_is_stale_nothing_is_written_but_the_number_is_taken()
    {
        var service = AddService(revision: 2);
        var session = Session;
        session.InsertApiKey(Sample.ApiKey(1));
        session.UpdateService(service with { Revision = 3 });
        session.StoreUptime(new ServerUptime(Sample.Time, TimeSpan.FromTicks(5)));
        var writes = session.Build();
        var faster = Write(other => other.InsertApiKey(Sample.ApiKey(2)));

        var result = Session.Commit(Renumbered(writes));

        Assert.True(result.IsDirectoryStale);
        Assert.True(result.IsStale(service.Sid));
        Assert.Equal([faster], await Store.ListApiKeysAsync(Stop));
        Assert.Equal(2, (await Store.FindServiceAsync(service.Sid, Stop))!.Revision);
        Assert.Equal(default, await Store.FindUptimeAsync(Stop));
        Assert.Equal(writes.Number, Session.Reopen().LastCommit);
    }

    [Fact]
    public void Only_api_keys_and_the_existence_of_service_instances_make_the_directory_stale()
    {
        var service = AddService(revision: 2);
        var key = Write(session => session.InsertApiKey(Sample.ApiKey(1)));
        (Action<StoreSession> Change, bool MakesStale)[] cases =
        [
            (session => session.UpdateService(service with { Revision = 3 }), false),
            (session => session.StoreUptime(default), false),
            (session => session.UpdateApiKey(key with { RevokeTime = Sample.Time }), true),
            (session => session.DeleteApiKey(key), true),
            (session => session.InsertService(Sample.Service(2)), true),
            (session => session.DeleteService(service.Id), true),
        ];
        foreach (var (change, makesStale) in cases)
        {
            var session = Session;
            session.Depend();
            var writes = session.Build();
            Write(change);

            Assert.Equal(makesStale, Session.Commit(Renumbered(writes)).IsDirectoryStale);
        }
    }

    [Fact]
    public void A_commit_of_an_earlier_generation_is_refused()
    {
        var session = Session;
        session.InsertService(Sample.Service(1));
        var writes = session.Build();
        var present = session.Reopen();
        Assert.True(present.Generation > writes.Generation);

        Assert.Throws<StorageException>(() => session.Commit(writes));

        // It has not taken the number either.
        Assert.Equal(writes.Number - 1, session.Reopen().LastCommit);
        Assert.Null(session.FindService(Sample.ServiceSid(1)));
    }

    [Theory]
    [InlineData(-1)]
    [InlineData(0)]
    [InlineData(2)]
    public void A_commit_whose_number_is_not_the_next_one_is_refused(int step)
    {
        AddService(1);
        AddService(2);
        var session = Session;
        session.InsertService(Sample.Service(3));
        var writes = session.Build();
        var last = session.Position.LastCommit;
        writes.Number = last + step;

        Assert.Throws<StorageException>(() => session.Commit(writes));

        Assert.Equal(last, session.Reopen().LastCommit);
        Assert.Null(session.FindService(Sample.ServiceSid(3)));
    }

    [Fact]
    public void Commits_are_numbered_one_by_one()
    {
        var before = Session.Position.LastCommit;
        var service = AddService(revision: 2);
        Write(session => session.StoreUptime(default));
        Write(_ => { });

        Assert.Equal(before + 3, Session.Reopen().LastCommit);
        TakeRevision(service, 3);
        Assert.Equal(before + 4, Session.Reopen().LastCommit);
    }

    [Fact]
    public void Reopening_returns_the_last_commit_after_a_restart()
    {
        AddService();
        var last = Session.Position;

        Restart();

        Assert.Equal(last.LastCommit, Session.Position.LastCommit);
        AddService(2);
    }

    [Fact]
    public void Reopening_returns_what_the_last_commit_did()
    {
        var (first, second) = (AddService(1, 5), AddService(2, 5));
        var session = Session;
        session.UpdateService(first with { Revision = 6 });
        session.UpdateService(second with { Revision = 6 });
        var writes = session.Build();
        Rename(first);
        var result = Session.Commit(Renumbered(writes));

        var known = Session.Reopen().LastResult;

        Assert.Equal(result.IsDirectoryStale, known!.IsDirectoryStale);
        Assert.Equal(result.Services, known.Services);
        // Purging and reading change nothing about it.
        Purge(Sample.Time.AddDays(1), 10);
        Assert.Equal(result.Services, Session.Reopen().LastResult!.Services);
    }

    [Fact]
    public void A_batch_reads_service_instances_in_the_order_of_the_keys()
    {
        var (first, second) = (AddService(1, 5), AddService(2, 6));
        var keys = new BatchKeys();
        foreach (var number in new[] { 2, 3, 1 })
            keys.Service(Sample.ServiceSid(number)).AddUser(new UserLookup(new UserKey(Sample.Identity(1))));

        var read = Session.Read(keys);

        Assert.Equal([second, null, first], read.Services.Select(service => service.Service?.Record));
        Assert.Equal([1, 0, 1], read.Services.Select(service => service.Users.Count));
    }

    [Fact]
    public async Task A_batch_is_read_at_one_moment_although_another_writer_commits()
    {
        const int Commits = 300;
        var services = Enumerable.Range(1, 20).Select(number => AddService(number)).ToList();
        var keys = new BatchKeys();
        foreach (var service in services)
            keys.Service(service.Sid).AddUser(new UserLookup(new UserKey(Sample.Identity(1))));
        var rename = OpenAnotherWriter();
        rename("0");
        var renaming = Task.Run(
            () =>
            {
                for (var commit = 1; commit <= Commits; commit++)
                    rename($"{commit}");
            },
            Stop);

        for (var name = "0"; name != $"{Commits}";)
        {
            var read = Session.Read(keys);
            name = read.Services[0].Service!.Record.FriendlyName;
            Assert.All(read.Services, service => Assert.Equal(name, service.Service!.Record.FriendlyName));
            Assert.False(renaming.IsFaulted, $"{renaming.Exception}");
        }
        await renaming;
    }

    [Fact]
    public void A_commit_keeps_the_counters_of_the_keys()
    {
        var service = AddService(revision: 2);
        var before = Session.Read(service.Sid).Service!;
        Assert.Equal((RowKeys.FirstOf(service.Id), RowKeys.FirstOf(service.Id)), (before.NextUserId, before.NextBindingId));

        var user = AddUser(service, Sample.User(1, 2));
        Write(session => session.InsertBinding(service.Id, user.Id, Sample.Binding(1, user)));
        Restart();

        var after = Session.Read(service.Sid).Service!;
        Assert.Equal((user.Id + 1, RowKeys.FirstOf(service.Id) + 1), (after.NextUserId, after.NextBindingId));
    }

    [Fact]
    public async Task One_commit_frees_and_takes_an_identity_and_an_address()
    {
        var service = AddService(revision: 9);
        var (ada, bob) = (AddUser(service, Sample.User(1, 2)), AddUser(service, Sample.User(2, 3)));
        var (moved, lost) = Write(session => (
            session.InsertBinding(service.Id, ada.Id, Sample.Binding(1, ada)),
            session.InsertBinding(service.Id, ada.Id, Sample.Binding(2, ada))));

        var (again, taken) = Write(session =>
        {
            session.DeleteUser(service.Id, ada, Sample.TombstoneOf(ada, 8));
            var next = session.InsertUser(service.Id, Sample.User(3, 9) with { Identity = ada.Identity });
            session.MoveBinding(moved with { UserSid = bob.Sid, Identity = bob.Identity }, bob.Id);
            return (next, session.InsertBinding(service.Id, next.Id, Sample.Binding(3, next) with { Endpoint = lost.Endpoint }));
        });

        Assert.Equal(again, await FindUser(service, Sample.Key(ada)));
        Assert.Null(await Store.FindBindingAsync(service.Sid, lost.Sid, Stop));
        Assert.Equal(
            [moved with { UserSid = bob.Sid, Identity = bob.Identity }, taken],
            await Store.ListBindingsAsync(service.Sid, BindingFilter.All, 0, 10, Stop));
    }

    [Fact]
    public async Task A_service_instance_that_is_created_and_deleted_in_one_commit_takes_its_key()
    {
        var gone = Write(session =>
        {
            var service = session.InsertService(Sample.Service(1));
            session.DeleteService(service.Id);
            return service;
        });

        Assert.Null(await Store.FindServiceAsync(gone.Sid, Stop));
        Assert.True(AddService(1).Id > gone.Id);
    }

    [Fact]
    public async Task Maintaining_changes_nothing_that_can_be_read()
    {
        Store.Maintain(idle: true);
        var service = AddService(revision: 2);
        Store.Maintain(idle: false);
        var user = AddUser(service, Sample.User(1, 2));
        Store.Maintain(idle: true);
        Store.Maintain(idle: true);

        Assert.Equal(user, await FindUser(service, Sample.Key(user)));
    }

    [Fact]
    public async Task Everything_committed_is_there_after_a_restart()
    {
        var service = AddService(revision: 4);
        var user = AddUser(service, Sample.OnlineUser(1, 2));
        var binding = Write(session => session.InsertBinding(service.Id, user.Id, Sample.Binding(1, user)));
        AddTombstones(service, (4, 0));

        Restart();

        var stored = await Store.FindServiceAsync(service.Sid, Stop);
        Assert.Equal(service with { Timeline = stored!.Timeline }, stored);
        Assert.Equal(user, await FindUser(service, Sample.Key(user)));
        Assert.Equal(binding, await Store.FindBindingAsync(service.Sid, binding.Sid, Stop));
        Assert.Equal([2, 4], await Revisions(service, 0, 10));
        Assert.Single(await Store.ListOnlineUsersAsync(0, 10, Stop));
    }

    [Fact]
    public async Task A_cancelled_read_is_not_made()
    {
        using var cancelled = new CancellationTokenSource();
        await cancelled.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(
            async () => await Store.FindServiceAsync(Sample.ServiceSid(1), cancelled.Token));
    }

    [Fact]
    public async Task Reads_of_many_threads_see_whole_commits_and_never_an_older_one_than_was_acknowledged()
    {
        const int Commits = 100;
        var service = AddService(revision: 1);
        var user = AddUser(service, Sample.User(1, 1));
        long acknowledged = 1;
        var readers = Enumerable.Range(0, 2).Select(_ => Task.Run(
            async () =>
            {
                while (true)
                {
                    var atLeast = Volatile.Read(ref acknowledged);
                    var read = await Store.FindUsersAsync(service.Sid, [Sample.Key(user)], Stop);
                    Assert.True(read.Service.Revision >= atLeast);
                    Assert.Equal(read.Service.Revision, read.Users[0].Record!.Revision);
                    if (read.Service.Revision == Commits)
                        return;
                }
            },
            Stop)).ToList();
        for (var revision = 2; revision <= Commits; revision++)
        {
            Write(session =>
            {
                session.UpdateUser(user with { Revision = revision });
                session.UpdateService(service with { Revision = revision });
            });
            Volatile.Write(ref acknowledged, revision);
            Store.Maintain(idle: revision % 10 == 0);
        }
        await Task.WhenAll(readers);
    }

    /// <summary>Returns writes that were prepared before another commit, as the next commit of the same writer.</summary>
    private BatchWrites Renumbered(BatchWrites writes)
    {
        (writes.Generation, writes.Number) = (Session.Position.Generation, Session.Position.LastCommit + 1);
        return writes;
    }
}
