using GrpcPresence.Core.Storage;
using GrpcPresence.Core.Storage.Batches;

namespace GrpcPresence.Storage.Tests.Conformance;

/// <summary>What a commit writes of which a part is stale.</summary>
public abstract partial class PresenceStoreConformance
{
    [Fact]
    public async Task A_deletion_that_is_stale_makes_the_whole_commit_stale()
    {
        var (deleted, other) = (AddService(1, 5), AddService(2, 5));
        var key = Write(session => session.InsertApiKey(Sample.ApiKey(1)));
        var session = Session;
        session.DeleteService(deleted.Id);
        session.InsertService(Sample.Service());
        session.UpdateService(other with { Revision = 6 });
        session.UpdateApiKey(key with { RevokeTime = Sample.Time });
        session.StoreUptime(new ServerUptime(Sample.Time, TimeSpan.FromTicks(5)));
        var writes = session.Build();
        Rename(deleted);

        var result = Session.Commit(Renumbered(writes));

        Assert.True(result.IsDirectoryStale);
        Assert.Equal([true, true, true], result.Services.Select(service => service.IsStale));
        Assert.Equal(deleted with { FriendlyName = "faster" }, await Store.FindServiceAsync(deleted.Sid, Stop));
        Assert.Equal(5, (await Store.FindServiceAsync(other.Sid, Stop))!.Revision);
        Assert.Equal([key], await Store.ListApiKeysAsync(Stop));
        Assert.Equal(default, await Store.FindUptimeAsync(Stop));
        Assert.Equal(writes.Number, Session.Reopen().LastCommit);
    }

    [Fact]
    public async Task What_belongs_to_no_stale_service_instance_is_written()
    {
        var (stale, other) = (AddService(1, 5), AddService(2, 5));
        var user = AddUser(other, Sample.OnlineUser(1, 2));
        var session = Session;
        session.UpdateService(stale with { Revision = 6 });
        var key = session.InsertApiKey(Sample.ApiKey(1));
        session.MarkAlive(other.Id, user.Id, TimeSpan.FromTicks(8));
        session.StoreUptime(new ServerUptime(Sample.Time, TimeSpan.FromTicks(9)));
        var writes = session.Build();
        Rename(stale);

        var result = Session.Commit(Renumbered(writes));

        Assert.Equal((false, true), (result.IsDirectoryStale, result.IsStale(stale.Sid)));
        Assert.Equal([key], await Store.ListApiKeysAsync(Stop));
        Assert.Equal(TimeSpan.FromTicks(8), ReadUser(other, Sample.Key(user))!.LastAlive);
        Assert.Equal(TimeSpan.FromTicks(9), (await Store.FindUptimeAsync(Stop)).Total);
    }

    [Fact]
    public void A_commit_of_which_everything_is_stale_takes_its_number_and_no_version()
    {
        var service = AddService(revision: 5);
        var session = Session;
        session.UpdateService(service with { Revision = 6 });
        var late = session.Build();
        Rename(service);
        session = Session;
        session.UpdateService(service with { Revision = 8 });
        var current = session.Build();

        Assert.False(Session.Commit(Renumbered(late)).IsWhole);

        Assert.Equal(late.Number, Session.Reopen().LastCommit);
        Assert.True(Session.Commit(Renumbered(current)).IsWhole);
    }

    [Fact]
    public async Task A_purge_makes_nothing_stale()
    {
        var service = AddService(revision: 9);
        AddTombstones(service, (4, 1));
        var session = Session;
        session.UpdateService(service with { Revision = 10 });
        var writes = session.Build();
        Assert.Equal(1, Purge(Sample.Time.AddDays(9), 10));

        Assert.True(Session.Commit(Renumbered(writes)).IsWhole);

        Assert.Equal(service with { Revision = 10, PurgedRevision = 4 }, await Store.FindServiceAsync(service.Sid, Stop));
    }

    [Fact]
    public void A_mark_does_nothing_for_a_user_that_the_commit_removes()
    {
        var service = AddService(revision: 9);
        var removed = AddUser(service, Sample.OnlineUser(1, 2));

        Write(session =>
        {
            session.DeleteUser(service.Id, removed, Sample.TombstoneOf(removed, 8));
            session.MarkAlive(service.Id, removed.Id, TimeSpan.FromTicks(8));
        });

        Assert.Null(ReadUser(service, Sample.Key(removed)));
    }

    [Fact]
    public void A_store_key_alone_finds_a_user_of_its_service_instance()
    {
        var (service, other) = (AddService(1, 9), AddService(2, 9));
        var (ada, bob) = (AddUser(service, Sample.User(1, 2)), AddUser(other, Sample.User(2, 3)));
        Write(session => session.DeleteUser(service.Id, ada, Sample.TombstoneOf(ada, 8)));
        var again = AddUser(service, Sample.User(3, 9) with { Identity = ada.Identity });

        var read = Session.Read(service.Sid, keys =>
        {
            foreach (var id in new[] { ada.Id, bob.Id, again.Id })
            {
                keys.AddUser(new UserLookup(Sample.Key(ada), id));
                keys.AddPresence(new UserLookup(Sample.Key(ada), id));
            }
        });

        Assert.Equal([null, null, again], read.Users);
        Assert.Equal([0, 0, again.Id], read.Presences.Select(found => found.Id));
    }

    [Fact]
    public void A_key_that_is_named_several_times_is_answered_each_time()
    {
        var service = AddService(revision: 9);
        var user = AddUser(service, Sample.User(1, 2));
        var binding = Write(session => session.InsertBinding(service.Id, user.Id, Sample.Binding(1, user)));

        var read = Session.Read(service.Sid, keys =>
        {
            keys.AddUser(new UserLookup(Sample.Key(user)));
            keys.AddUser(new UserLookup(Sample.SidKey(user)));
            keys.AddUser(new UserLookup(Sample.Key(user)));
            keys.AddPresence(new UserLookup(Sample.Key(user)));
            keys.AddPresence(new UserLookup(Sample.Key(user), user.Id));
            keys.AddBinding(binding.Sid);
            keys.AddBinding(binding.Sid);
            keys.AddBinding(binding.Type, binding.Endpoint);
            keys.AddBinding(binding.Type, binding.Endpoint);
        });

        Assert.Equal([user, user, user], read.Users);
        Assert.Equal([user.Id, user.Id], read.Presences.Select(found => found.Id));
        Assert.Equal([new OwnedBinding(binding, user), new OwnedBinding(binding, user)], read.Bindings);
        Assert.Equal(read.Bindings, read.BindingsByAddress);
    }

    [Fact]
    public async Task A_certificate_name_can_be_freed_and_taken_in_one_commit()
    {
        var revoked = Write(session => session.InsertApiKey(Sample.ApiKey(1) with { CertificateName = "a.example" }));

        var taken = Write(session =>
        {
            session.UpdateApiKey(revoked with { RevokeTime = Sample.Time });
            return session.InsertApiKey(Sample.ApiKey(2) with { CertificateName = "a.example" });
        });

        Assert.Equal([revoked with { RevokeTime = Sample.Time }, taken], await Store.ListApiKeysAsync(Stop));
    }

    [Fact]
    public void The_result_of_a_commit_that_another_process_made_is_not_known()
    {
        AddService();

        Restart();

        Assert.Null(Session.Reopen().LastResult);
    }
}
