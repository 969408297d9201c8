using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Domain.Users;
using GrpcPresence.Core.Storage;
using GrpcPresence.Core.Storage.Batches;

namespace GrpcPresence.Storage.Tests.Conformance;

/// <summary>
/// The rules for a store in which several writers write to one service instance: what makes a commit stale, and how revisions and keys move
/// when nothing does. In each test the second writer commits between the read and the commit of the first one.
/// </summary>
public abstract class TwoWritersConformance
{
    private const string Endpoint = "endpoint";

    /// <summary>The store of the first writer.</summary>
    protected abstract IPresenceStore Store { get; }

    /// <summary>The store of the second writer, with the same data.</summary>
    protected abstract IPresenceStore Other { get; }

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Revisions_and_keys_move_by_what_the_other_writer_took()
    {
        var (service, ada, bob) = Begin();
        var session = StoreSession.Of(Store);
        session.UpdateService(service with { Revision = 13, UserCount = 3 });
        session.UpdatePresence(ada with { IsOnline = true, Revision = 11, OnlineRevision = 11, KnownRevision = 1 });
        var cleo = session.InsertUser(service.Id, Sample.OnlineUser(3, 12));
        session.InsertBinding(service.Id, cleo.Id, Sample.Binding(1, cleo));
        session.AddTombstone(service.Id, new Tombstone(Sample.UserSid(9), Sample.Identity(9), 13, Sample.Time));
        var writes = session.Build();
        var theirs = Write(Other, other =>
        {
            other.UpdateService(service with { Revision = 12, UserCount = 3 });
            other.UpdatePresence(bob with { IsOnline = true, Revision = 11, OnlineRevision = 11 });
            var dan = other.InsertUser(service.Id, Sample.OnlineUser(4, 12));
            other.InsertBinding(service.Id, dan.Id, Sample.Binding(2, dan));
            return dan;
        });

        var result = Commit(writes);

        Assert.Equal((true, 12L), (result.IsWhole, result.Services[0].Base.Revision));
        Assert.Equal((3L, theirs.Id + 1), (result.Services[0].Base.UserCount, result.Services[0].Base.NextUserId));
        var read = await Store.FindServiceAsync(service.Sid, Stop);
        Assert.Equal((15L, 4L), (read!.Revision, read.UserCount));
        var changes = (await Store.ListChangesAsync(service.Sid, 10, 10, Stop)).Changes;
        Assert.Equal(
            [(bob.Identity, 11L), (theirs.Identity, 12L), (ada.Identity, 13L), (cleo.Identity, 14L), (Sample.Identity(9), 15L)],
            changes.Select(change => (change.State.Identity, change.Revision)));
        var moved = changes[2].State.Record!;
        Assert.Equal((13L, 1L, ada.CreatedRevision), (moved.OnlineRevision, moved.KnownRevision, moved.CreatedRevision));
        Assert.Equal((theirs.Id + 1, 14L), (changes[3].State.Record!.Id, changes[3].State.Record!.CreatedRevision));
        var bindings = await Store.ListBindingsAsync(service.Sid, BindingFilter.All, 0, 10, Stop);
        Assert.Equal([theirs.Identity, cleo.Identity], bindings.Select(binding => binding.Identity));
        Assert.Equal(bindings[0].Id + 1, bindings[1].Id);
        Assert.Equal((theirs.Id + 2, bindings[1].Id + 1), NextKeys(service));
    }

    [Fact]
    public async Task The_revisions_of_a_configuration_move()
    {
        var (service, _, bob) = Begin();
        var session = StoreSession.Of(Store);
        session.UpdateService(service with
        {
            Revision = 11,
            Configuration = service.Configuration with { ReachabilityEnabled = false, Revision = 11, SwitchRevision = 11 },
        });
        var writes = session.Build();
        TakeRevision(service, bob);

        Assert.True(Commit(writes).IsWhole);

        var configuration = (await Store.FindServiceAsync(service.Sid, Stop))!.Configuration;
        Assert.Equal((12L, 12L, 1L), (configuration.Revision, configuration.SwitchRevision, configuration.SwitchedOnRevision));
    }

    [Fact]
    public async Task Every_revision_that_the_commit_took_moves()
    {
        var (service, ada, bob) = Begin();
        var session = StoreSession.Of(Store);
        session.UpdateService(service with
        {
            Revision = 11,
            Configuration = service.Configuration with { Revision = 11, SwitchRevision = 11, SwitchedOnRevision = 11 },
        });
        session.UpdateUser(ada with
        {
            Revision = 11,
            OnlineRevision = 11,
            NotifiableRevision = 11,
            KnownRevision = 11,
            FriendlyNameRevision = 11,
            AttributesRevision = 11,
            RoleRevision = 11,
        });
        var writes = session.Build();
        TakeRevision(service, bob);

        Assert.True(Commit(writes).IsWhole);

        var configuration = (await Store.FindServiceAsync(service.Sid, Stop))!.Configuration;
        Assert.Equal((12L, 12L, 12L), (configuration.Revision, configuration.SwitchRevision, configuration.SwitchedOnRevision));
        var user = (await Store.ListChangesAsync(service.Sid, 11, 10, Stop)).Changes.Single().State.Record!;
        Assert.Equal(
            (12L, 12L, 12L, 12L), (user.Revision, user.OnlineRevision, user.NotifiableRevision, user.KnownRevision));
        Assert.Equal((12L, 12L, 12L), (user.FriendlyNameRevision, user.AttributesRevision, user.RoleRevision));
    }

    [Fact]
    public void The_result_after_a_reopening_has_the_counters_of_the_commit()
    {
        var (service, ada, bob) = Begin();
        var session = StoreSession.Of(Store);
        session.UpdateService(service with { Revision = 11 });
        session.UpdatePresence(ada with { Revision = 11 });
        var writes = session.Build();
        TakeRevision(service, bob);

        var result = Commit(writes);

        Assert.Equal(result.Services, StoreSession.Of(Store).Reopen().LastResult!.Services);
    }

    [Theory]
    [InlineData("a transition")]
    [InlineData("a change of a profile")]
    [InlineData("a binding that nobody sees")]
    [InlineData("a deletion")]
    public async Task A_user_that_the_other_writer_changed_makes_the_commit_stale(string change)
    {
        foreach (var write in Enum.GetValues<UserWrite>())
        {
            var (service, ada, _) = Begin((int)write);
            var session = StoreSession.Of(Store);
            session.UpdateService(service with { Revision = 11 });
            Write(session, write, service, ada);
            var writes = session.Build();
            Write(Other, other =>
            {
                switch (change)
                {
                    case "a transition":
                        other.UpdatePresence(ada with { IsOnline = true, Revision = 11 });
                        break;
                    case "a change of a profile":
                        other.UpdateUser(ada with { FriendlyName = "theirs", FriendlyNameRevision = 11, Revision = 11 });
                        break;
                    case "a binding that nobody sees":
                        other.UpdateUser(ada with { BindingCount = 1, HadBinding = true });
                        break;
                    default:
                        other.DeleteUser(service.Id, ada, Sample.TombstoneOf(ada, 11));
                        break;
                }
                other.UpdateService(service with { Revision = 11 });
                return true;
            });
            var before = await DescribeAsync(service);

            Assert.True(Commit(writes).IsStale(service.Sid), $"{write} after {change}");

            Assert.Equal(before, await DescribeAsync(service));
        }
    }

    [Fact]
    public async Task An_identity_an_address_or_a_webhook_that_the_other_writer_wrote_makes_the_commit_stale()
    {
        Action<StoreSession, ServiceRecord, UserRecord>[] changes =
        [
            (session, service, _) => session.InsertUser(service.Id, Sample.User(5, 11)),
            (session, service, ada) => session.InsertBinding(service.Id, ada.Id, Sample.Binding(1, ada) with { Endpoint = Endpoint }),
            (session, service, _) => session.PutWebhook(StoredWebhook.DefaultOf(service) with { Position = new WebhookPosition(7) }),
        ];
        for (var i = 0; i < changes.Length; i++)
        {
            var (service, ada, bob) = Begin(i);
            var session = StoreSession.Of(Store);
            session.UpdateService(service with { Revision = 11 });
            session.UpdatePresence(bob with { Revision = 11 });
            changes[i](session, service, ada);
            var writes = session.Build();
            // As for a position alone: the version of the service instance stays.
            writes.Services[0].ChangesSettings = false;
            Write(Other, other =>
            {
                changes[i](other, service, ada);
                var theirs = other.Build();
                theirs.Services[0].ChangesSettings = false;
                return other.Commit(theirs).IsWhole;
            }, commit: false);
            var before = await DescribeAsync(service);

            Assert.True(Commit(writes).IsStale(service.Sid), $"change {i}");

            Assert.Equal(before, await DescribeAsync(service));
        }
    }

    [Fact]
    public async Task A_webhook_whose_position_the_other_writer_advanced_makes_the_commit_stale()
    {
        var (service, _, _) = Begin();
        var webhook = StoredWebhook.DefaultOf(service);
        Write(Store, session =>
        {
            session.PutWebhook(webhook);
            return true;
        });
        var writes = Advance(StoreSession.Of(Store), webhook, to: 5);
        Assert.True(StoreSession.Of(Other).Commit(Advance(StoreSession.Of(Other), webhook, to: 7)).IsWhole);

        Assert.True(Commit(writes).IsStale(service.Sid));

        Assert.Equal(7, (await Store.FindWebhookAsync(service.Sid, Stop))!.Position.Revision);
    }

    [Fact]
    public async Task A_tombstone_of_an_identity_that_the_other_writer_took_makes_the_commit_stale()
    {
        var (service, _, _) = Begin();
        var session = StoreSession.Of(Store);
        session.UpdateService(service with { Revision = 12 });
        session.AddTombstone(service.Id, new Tombstone(Sample.UserSid(8), Sample.User(5, 11).Identity, 12, Sample.Time));
        var writes = session.Build();
        Write(Other, other =>
        {
            other.UpdateService(service with { Revision = 11, UserCount = 3 });
            return other.InsertUser(service.Id, Sample.User(5, 11));
        });
        var before = await DescribeAsync(service);

        Assert.True(Commit(writes).IsStale(service.Sid));

        Assert.Equal(before, await DescribeAsync(service));
    }

    [Fact]
    public async Task Rows_that_do_not_match_leave_the_other_service_instances_of_the_commit()
    {
        var (first, ada, _) = Begin(1);
        var (second, _, bob) = Begin(2);
        var session = StoreSession.Of(Store);
        session.UpdateService(first with { Revision = 11 });
        session.UpdatePresence(ada with { IsOnline = true, Revision = 11 });
        session.UpdateService(second with { Revision = 11 });
        session.UpdatePresence(bob with { IsOnline = true, Revision = 11 });
        var writes = session.Build();
        TakeRevision(first, ada);
        TakeRevision(second, ada: null);

        var result = Commit(writes);

        Assert.Equal((true, false), (result.IsStale(first.Sid), result.IsStale(second.Sid)));
        Assert.Equal(11, (await Store.FindServiceAsync(first.Sid, Stop))!.Revision);
        Assert.Equal(12, (await Store.FindServiceAsync(second.Sid, Stop))!.Revision);
        var changes = (await Store.ListChangesAsync(second.Sid, 10, 10, Stop)).Changes;
        Assert.Equal([(bob.Identity, 12L)], changes.Select(change => (change.State.Identity, change.Revision)));
        Assert.Equal(result.Services, StoreSession.Of(Store).Reopen().LastResult!.Services);
    }

    [Theory]
    [InlineData(3, true)]
    [InlineData(4, false)]
    public async Task A_commit_that_would_exceed_the_maximum_number_of_users_is_stale(int limit, bool isStale)
    {
        var (service, _, _) = Begin();
        var session = StoreSession.Of(Store);
        session.UpdateService(service with { Revision = 11, UserCount = 3 });
        session.InsertUser(service.Id, Sample.User(3, 11));
        var writes = session.Build();
        writes.UsersPerService = limit;
        Write(Other, other =>
        {
            other.UpdateService(service with { Revision = 11, UserCount = 3 });
            return other.InsertUser(service.Id, Sample.User(4, 11));
        });

        Assert.Equal(isStale, Commit(writes).IsStale(service.Sid));

        Assert.Equal(isStale ? 3 : 4, (await Store.FindServiceAsync(service.Sid, Stop))!.UserCount);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_commit_that_depends_on_the_revision_is_stale_when_it_moved(bool depends)
    {
        var (service, _, bob) = Begin();
        var session = StoreSession.Of(Store);
        session.UpdateService(service with { FriendlyName = "first" });
        var writes = session.Build();
        writes.Services[0].DependsOnRevision = depends;
        TakeRevision(service, bob);

        Assert.Equal(depends, Commit(writes).IsStale(service.Sid));
    }

    [Fact]
    public async Task A_user_stays_marked_alive_when_the_other_writer_changes_it()
    {
        foreach (var write in new[] { UserWrite.Whole, UserWrite.Presence })
        {
            var (service, ada, _) = Begin((int)write);
            var session = StoreSession.Of(Store);
            session.UpdateService(service with { Revision = 11 });
            Write(session, write, service, ada);
            var writes = session.Build();
            Write(Other, other =>
            {
                other.MarkAlive(service.Id, ada.Id, TimeSpan.FromHours(7));
                return true;
            });

            Assert.True(Commit(writes).IsWhole);

            var changes = (await Store.ListChangesAsync(service.Sid, 10, 10, Stop)).Changes;
            Assert.Equal([TimeSpan.FromHours(7)], changes.Select(change => change.State.Record!.LastAlive));
        }
    }

    private static T Write<T>(IPresenceStore store, Func<StoreSession, T> write, bool commit = true)
    {
        var session = StoreSession.Of(store);
        var result = write(session);
        if (commit)
            Assert.True(session.Commit().IsWhole);
        return result;
    }

    private static void Write(StoreSession session, UserWrite write, ServiceRecord service, UserRecord user)
    {
        switch (write)
        {
            case UserWrite.Presence:
                session.UpdatePresence(user with { IsOnline = true, Revision = 11, OnlineRevision = 11 });
                break;
            case UserWrite.Whole:
                session.UpdateUser(user with { FriendlyName = "ours", FriendlyNameRevision = 11, Revision = 11 });
                break;
            default:
                session.DeleteUser(service.Id, user, Sample.TombstoneOf(user, 11));
                break;
        }
    }

    // The position alone does not change the version of the service instance.
    private static BatchWrites Advance(StoreSession session, StoredWebhook webhook, long to)
    {
        session.PutWebhook(webhook with { Position = new WebhookPosition(to) });
        var writes = session.Build();
        writes.Services[0].ChangesSettings = false;
        return writes;
    }

    // Of a session whose reads and rows were collected before.
    private CommitResult Commit(BatchWrites writes) => StoreSession.Of(Store).Commit(writes);

    private (ServiceRecord Service, UserRecord Ada, UserRecord Bob) Begin(int number = 1)
    {
        return Write(Store, session =>
        {
            var sample = Sample.Service(number + 1);
            var service = session.InsertService(sample with
            {
                Revision = 10,
                UserCount = 2,
                Configuration = sample.Configuration with
                {
                    ReachabilityEnabled = true,
                    Revision = 1,
                    SwitchRevision = 1,
                    SwitchedOnRevision = 1,
                },
            });
            return (service, session.InsertUser(service.Id, Sample.User(1, 9)), session.InsertUser(service.Id, Sample.User(2, 10)));
        });
    }

    /// <summary>Lets the second writer take the next revision, by a transition of the user or by nothing else.</summary>
    private void TakeRevision(ServiceRecord service, UserRecord? ada) => Write(Other, other =>
    {
        other.UpdateService(service with { Revision = 11 });
        if (ada is not null)
            other.UpdatePresence(ada with { IsOnline = true, Revision = 11 });
        return true;
    });

    private (long User, long Binding) NextKeys(ServiceRecord service)
    {
        var read = StoreSession.Of(Store).Read(service.Sid).Service!;
        return (read.NextUserId, read.NextBindingId);
    }

    private async Task<IReadOnlyList<object?>> DescribeAsync(ServiceRecord service) =>
    [
        await Store.FindServiceAsync(service.Sid, Stop),
        .. (await Store.ListChangesAsync(service.Sid, 0, 100, Stop)).Changes.Select(change => (change.State.Record, change.Revision)),
        .. await Store.ListBindingsAsync(service.Sid, BindingFilter.All, 0, 100, Stop),
        (await Store.FindWebhookAsync(service.Sid, Stop))?.Position,
        NextKeys(service),
    ];

    private enum UserWrite
    {
        Presence,
        Whole,
        Deletion,
    }
}
