using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Domain.Users;

namespace GrpcPresence.Storage.Tests.Conformance;

/// <summary>Transactions.</summary>
public abstract partial class PresenceStoreConformance
{
    [Fact]
    public void A_transaction_sees_its_own_writes()
    {
        using var transaction = Store.BeginTransaction();
        var service = transaction.InsertService(Sample.Service());
        transaction.UpdateService(service with { Revision = 3 });
        var user = transaction.InsertUser(service.Id, Sample.User(1, 2));
        transaction.UpdateUser(user with { FriendlyName = "written", Revision = 3 });
        var binding = transaction.InsertBinding(service.Id, user.Id, Sample.Binding(1, user));

        Assert.Equal(3, transaction.FindService(service.Sid)!.Revision);
        Assert.Equal("written", transaction.FindUser(service.Id, Sample.Key(user))!.FriendlyName);
        Assert.Equal(binding, transaction.FindBinding(service.Id, binding.Sid));
    }

    [Fact]
    public async Task Uncommitted_changes_are_invisible_outside_the_transaction()
    {
        var service = AddService(revision: 2);
        using var transaction = Store.BeginTransaction();
        transaction.UpdateService(service with { Revision = 3 });
        transaction.InsertUser(service.Id, Sample.User(1, 3));

        var read = await Store.ListUsersAsync(service.Sid, 0, 10, online: null, Stop);

        Assert.Empty(read.Users);
        Assert.Equal(2, read.Service.Revision);
        transaction.Commit();
        read = await Store.ListUsersAsync(service.Sid, 0, 10, online: null, Stop);
        Assert.Single(read.Users);
        Assert.Equal(3, read.Service.Revision);
    }

    [Fact]
    public async Task A_transaction_that_is_disposed_of_without_a_commit_did_not_happen()
    {
        var service = AddService(revision: 2);
        var user = AddUser(service, Sample.User(1, 2));
        using (var transaction = Store.BeginTransaction())
        {
            transaction.UpdateService(service with { Revision = 9, FriendlyName = "lost" });
            transaction.UpdateUser(user with { FriendlyName = "lost" });
            transaction.InsertUser(service.Id, Sample.User(2, 3));
            transaction.InsertBinding(service.Id, user.Id, Sample.Binding(1, user));
        }

        Assert.Equal(service, await Store.FindServiceAsync(service.Sid, Stop));
        Assert.Equal([user], (await Store.ListUsersAsync(service.Sid, 0, 10, online: null, Stop)).Users.Select(state => state.Record));
        Assert.Empty(await Store.ListBindingsAsync(service.Sid, BindingFilter.All, 0, 10, Stop));
    }

    [Fact]
    public async Task A_rolled_back_deletion_leaves_everything()
    {
        var service = AddService(revision: 2);
        var user = AddUser(service, Sample.User(1, 2));
        using (var transaction = Store.BeginTransaction())
        {
            transaction.DeleteUser(service.Id, user, Sample.TombstoneOf(user, 3));
            transaction.DeleteService(service.Id);
        }

        Assert.Equal(user, await FindUser(service, Sample.Key(user)));
        Assert.Single((await Store.ListChangesAsync(service.Sid, 0, 10, Stop)).Changes);
    }

    [Fact]
    public void A_transaction_can_be_disposed_of_twice_and_after_its_commit()
    {
        var transaction = Store.BeginTransaction();
        transaction.InsertService(Sample.Service());
        transaction.Commit();
        transaction.Dispose();
        transaction.Dispose();

        using var next = Store.BeginTransaction();
        transaction.Dispose();
        Assert.NotNull(next.FindService(Sample.ServiceSid(1)));
    }

    [Fact]
    public void A_transaction_begins_only_when_the_one_before_is_disposed_of()
    {
        using var transaction = Store.BeginTransaction();

        Assert.Throws<InvalidOperationException>(Store.BeginTransaction);
    }

    [Fact]
    public void A_transaction_that_is_over_takes_no_more_writes()
    {
        using var transaction = Store.BeginTransaction();
        transaction.Commit();

        Assert.Throws<StorageException>(() => transaction.InsertService(Sample.Service()));
        Assert.Throws<StorageException>(transaction.Commit);
    }

    [Fact]
    public void Transactions_have_ids_of_their_own()
    {
        var ids = new List<long>();
        for (var i = 0; i < 6; i++)
        {
            using var transaction = Store.BeginTransaction();
            ids.Add(transaction.Id);
            if (i % 2 == 0)
                transaction.Commit();
        }
        Restart();
        using (var transaction = Store.BeginTransaction())
            Assert.DoesNotContain(transaction.Id, ids.Where((_, i) => i % 2 == 0));

        Assert.Equal(ids.Count, ids.Distinct().Count());
    }

    [Fact]
    public void Reopening_returns_the_last_committed_transaction()
    {
        long committed;
        using (var transaction = Store.BeginTransaction())
        {
            committed = transaction.Id;
            transaction.InsertService(Sample.Service());
            transaction.Commit();
        }
        Assert.Equal(committed, Store.Reopen());
        Assert.Equal(committed, Store.Reopen());

        using (var transaction = Store.BeginTransaction())
        {
            transaction.DeleteService(transaction.FindService(Sample.ServiceSid(1))!.Id);
            Assert.NotEqual(committed, transaction.Id);
        }
        Assert.Equal(committed, Store.Reopen());
    }

    [Fact]
    public void Reopening_returns_the_last_committed_transaction_after_a_restart()
    {
        using (var transaction = Store.BeginTransaction())
            transaction.Commit();
        long committed;
        using (var transaction = Store.BeginTransaction())
        {
            committed = transaction.Id;
            transaction.Commit();
        }
        Restart();

        Assert.Equal(committed, Store.Reopen());
    }

    [Fact]
    public async Task Reopening_in_the_middle_of_a_transaction_rolls_it_back()
    {
        using var transaction = Store.BeginTransaction();
        transaction.InsertService(Sample.Service());

        Store.Reopen();

        Assert.Throws<StorageException>(transaction.Commit);
        Assert.Null(await Store.FindServiceAsync(Sample.ServiceSid(1), Stop));
        AddService();
        Assert.NotNull(await Store.FindServiceAsync(Sample.ServiceSid(1), Stop));
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
        var binding = Write(transaction => transaction.InsertBinding(service.Id, user.Id, Sample.Binding(1, user)));
        AddTombstones(service, (4, 0));

        Restart();

        Assert.Equal(service, await Store.FindServiceAsync(service.Sid, Stop));
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
    public async Task Reads_of_many_threads_see_whole_transactions_and_never_an_older_one_than_was_acknowledged()
    {
        const int Transactions = 100;
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
                    if (read.Service.Revision == Transactions)
                        return;
                }
            },
            Stop)).ToList();
        for (var revision = 2; revision <= Transactions; revision++)
        {
            Write(transaction =>
            {
                transaction.UpdateUser(user with { Revision = revision });
                transaction.UpdateService(service with { Revision = revision });
            });
            Volatile.Write(ref acknowledged, revision);
            Store.Maintain(idle: revision % 10 == 0);
        }
        await Task.WhenAll(readers);
    }
}
