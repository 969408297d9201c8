using GrpcPresence.Core.Domain;
using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Domain.Users;
using GrpcPresence.Core.Storage.Batches;
using GrpcPresence.Storage.Postgres.Store;
using GrpcPresence.Storage.Tests.Conformance;
using GrpcPresence.Testing;

namespace GrpcPresence.Storage.Tests.Postgres;

/// <summary>
/// Tests that no read examines more rows, or reads more bytes, than it must, also while PostgreSQL has no statistics of tables that have
/// just grown.
/// </summary>
public sealed class ReadBoundTests
{
    private const int Users = 600;
    private const int Many = Limits.RowsPerPage + 5;

    private static readonly ServiceSid Sid = Sample.ServiceSid(1);

    [Fact]
    public async Task Reads_A_key_finds_its_row_by_its_index_in_tables_that_were_never_analyzed()
    {
        PostgresTests.SkipIfMissing();
        var schema = PostgresServer.Shared.CreateSchema();
        using (var store = PostgresTests.Open(schema))
        {
            // The statements that PostgreSQL plans are those for tables without rows.
            Prevent(schema, "autovacuum");
            var service = WithUsers(store, (number, revision) => Sample.User(number, revision), Users);
            await ReadByEveryKey(store, service);
            await ReadByEveryKey(store, service);
        }
        // The end of the sessions has published their counters. The statements read each row some dozen times, and not once for each key.
        foreach (var table in new[] { "users", "presence", "push_bindings", "tombstones" })
        {
            var read = PostgresServer.Query<decimal>(
                schema, $"SELECT sum(idx_tup_read) FROM pg_stat_user_indexes WHERE schemaname = current_schema() AND relname = '{table}'");
            Assert.InRange(read, 0, 100 * Users);
        }
    }

    [Theory]
    [InlineData(true, false)]
    [InlineData(true, true)]
    [InlineData(false, false)]
    [InlineData(false, true)]
    public async Task Reads_A_page_of_users_of_an_earlier_on_period_ends_after_a_bounded_number_of_rows(bool online, bool backwards)
    {
        // All became known before reachability was switched on again, except the last one in the direction of the list.
        var schema = PostgresTests.RentSchema();
        var last = backwards ? 1 : Many;
        using (var store = PostgresTests.Open(schema))
        {
            WithUsers(
                store,
                (number, revision) => Sample.OnlineUser(number, revision) with
                {
                    IsOnline = online,
                    KnownRevision = number == last ? Many + 10 : 1,
                },
                Many,
                switchedOn: Many + 5);
            var found = new List<UserState>();
            for (long? at = backwards ? long.MaxValue : 0; at is { } id;)
            {
                var read = backwards
                    ? await store.ListUsersBeforeAsync(Sid, id, 50, online, default)
                    : await store.ListUsersAsync(Sid, id, 50, online, default);
                Assert.InRange(read.Cost, 1, Limits.RowsPerPage);
                found.AddRange(read.Users);
                at = read.Next;
            }
            Assert.Equal(Sample.UserSid(last), Assert.Single(found).Sid);
        }
        PostgresTests.ReturnSchema(schema);
    }

    [Fact]
    public async Task Reads_A_page_of_large_users_ends_at_its_bytes()
    {
        var schema = PostgresTests.RentSchema();
        using (var store = PostgresTests.Open(schema))
        {
            var attributes = new string('x', Limits.AttributesBytes);
            WithUsers(store, (number, revision) => Sample.User(number, revision) with { Attributes = attributes }, 200);
            const int Most = (Limits.PageBytes / Limits.AttributesBytes) + 1;

            var listed = await store.ListUsersAsync(Sid, 0, 500, online: null, default);
            var known = await store.ListKnownUsersAsync(Sid, 0, 500, knownSince: 1, long.MaxValue, default);
            var changed = await store.ListChangesAsync(Sid, 0, 500, default);
            Assert.InRange(listed.Users.Count, 1, Most);
            Assert.InRange(changed.Changes.Count, 1, Most);
            Assert.Equal(listed.Users[^1].Record!.Id, listed.Next);
            Assert.True(changed.HasMore);
            // A row of 16 KiB counts as several, and one that is not selected as one.
            Assert.Equal(listed.Users.Count * 5, listed.Cost);
            Assert.Equal((0, 200), (known.Users.Count, known.Cost));

            UserKey[] keys = [.. Enumerable.Range(1, 200).Select(number => new UserKey(Sample.Identity(number)))];
            var cut = await store.FindUsersAsync(Sid, [keys[0], .. keys], 10 * Limits.AttributesBytes, default);
            Assert.InRange(cut.Users.Count, 1, 10);
            Assert.NotNull(cut.Next);
            Assert.Null((await store.FindUsersAsync(Sid, keys, default)).Next);
        }
        PostgresTests.ReturnSchema(schema);
    }

    [Fact]
    public async Task Reads_Every_page_continues_where_the_one_before_ended()
    {
        var schema = PostgresTests.RentSchema();
        using (var store = PostgresTests.Open(schema))
        {
            WithUsers(
                store,
                (number, revision) => Sample.OnlineUser(number, revision) with { Attributes = new string('x', number % 7 * 2000) },
                Users);
            foreach (var limit in new[] { 1, 7, 100, Users, 1000 })
            {
                var (listed, changed) = (new List<int>(), new List<long>());
                for (long? at = 0; at is { } id;)
                {
                    var read = await store.ListUsersAsync(Sid, id, limit, online: true, default);
                    listed.AddRange(read.Users.Select(user => (int)(uint)user.Sid.Value));
                    at = read.Next;
                }
                Assert.Equal(Enumerable.Range(1, Users), listed);
                for (var hasMore = true; hasMore;)
                {
                    var read = await store.ListChangesAsync(Sid, changed.Count == 0 ? 0 : changed[^1], limit, default);
                    changed.AddRange(read.Changes.Select(change => change.Revision));
                    hasMore = read.HasMore;
                }
                Assert.Equal(2 * Users, changed.Count); // and as many tombstones
            }
        }
        PostgresTests.ReturnSchema(schema);
    }

    private static ServiceRecord WithUsers(
        PostgresPresenceStore store, Func<int, long, UserRecord> user, int count, long switchedOn = 1)
    {
        var session = StoreSession.Of(store);
        var sample = Sample.Service();
        var service = session.InsertService(sample with
        {
            Revision = count + 20,
            Configuration = sample.Configuration with
            {
                ReachabilityEnabled = true,
                Revision = 1,
                SwitchRevision = switchedOn,
                SwitchedOnRevision = switchedOn,
            },
        });
        session.Commit();
        foreach (var part in Enumerable.Range(1, count).Chunk(300))
        {
            // As the writer does, while the tables grow.
            session.Read(Sid, batch =>
            {
                foreach (var number in part)
                {
                    batch.AddUser(new UserLookup(new UserKey(Sample.Identity(number))));
                    batch.AddUser(new UserLookup(new UserKey(Sample.UserSid(number))));
                }
            });
            foreach (var number in part)
            {
                var added = session.InsertUser(service.Id, user(number, number + 1));
                session.InsertBinding(service.Id, added.Id, Sample.Binding(number, added));
                session.AddTombstone(service.Id, Sample.TombstoneOf(Sample.User(100_000 + number, 2), 100_000 + number));
            }
            session.Commit();
        }
        return service;
    }

    private static async Task ReadByEveryKey(PostgresPresenceStore store, ServiceRecord service)
    {
        UserKey[] keys =
        [
            .. Enumerable.Range(1, Users).Select(number => new UserKey(Sample.Identity(number))),
            .. Enumerable.Range(1, Users).Select(number => new UserKey(Sample.UserSid(number))),
        ];
        var session = StoreSession.Of(store);
        var read = session.Read(Sid, batch =>
        {
            for (var i = 0; i < keys.Length; i++)
            {
                batch.AddUser(new UserLookup(keys[i]));
                batch.AddPresence(new UserLookup(keys[i], RowKeys.Of(service.Id, 1 + (i % Users))));
            }
            for (var number = 1; number <= Users; number++)
            {
                batch.AddBinding(Sample.BindingSid(number));
                batch.AddBinding(BindingType.WebPush, $"https://push.example/{number}");
            }
        });
        Assert.DoesNotContain(null, read.Users);
        Assert.DoesNotContain(default, read.Presences);
        Assert.DoesNotContain(null, read.Bindings);
        Assert.DoesNotContain(null, read.BindingsByAddress);

        Assert.Equal(Users, (await store.FindUsersAsync(Sid, keys, default)).Users.Count);
        Assert.Equal(Users, (await store.FindChangesAsync(Sid, keys, 0, default)).Changes.Count);
        UserKey[] deleted =
        [
            .. Enumerable.Range(1, Users).Select(number => new UserKey(Sample.Identity(100_000 + number))),
            .. Enumerable.Range(1, Users).Select(number => new UserKey(Sample.UserSid(100_000 + number))),
        ];
        Assert.Equal(Users, (await store.FindChangesAsync(Sid, deleted, 0, default)).Changes.Count);
        Assert.Equal(10, (await store.ListChangesAsync(Sid, 0, 10, default)).Changes.Count);
        BindingFilter[] filters = [BindingFilter.All, new() { Users = keys[..50] }, new() { Types = [BindingType.WebPush] }];
        foreach (var filter in filters)
            Assert.Equal(10, (await store.ListBindingsAsync(Sid, filter, 0, 10, default)).Count);
    }

    private static void Prevent(string schema, string setting)
    {
        foreach (var table in new[] { "users", "presence", "push_bindings", "tombstones", "services" })
            PostgresServer.Execute(schema, $"ALTER TABLE {table} SET ({setting}_enabled = off)");
    }
}
