using GrpcPresence.Core.Domain.ApiKeys;
using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Domain.Users;
using GrpcPresence.Core.Storage;
using GrpcPresence.Core.Storage.Batches;
using GrpcPresence.Storage.Postgres.Store;
using GrpcPresence.Storage.Tests.Conformance;
using GrpcPresence.Testing;
using Npgsql;

namespace GrpcPresence.Storage.Tests.Postgres;

/// <summary>
/// Connections that are cut at every message of the protocol, in both directions, before, inside and behind its bytes. Each test cuts the
/// first message, then the second one, and so on, until nothing is left to cut.
/// </summary>
public sealed class CutConnectionTests
{
    private static readonly ServiceSid Sid = Sample.ServiceSid(1);

    [Theory]
    [InlineData(MessageSender.Client, true, false)]
    [InlineData(MessageSender.Client, true, true)]
    [InlineData(MessageSender.Client, false, false)]
    [InlineData(MessageSender.Client, false, true)]
    [InlineData(MessageSender.Server, true, false)]
    [InlineData(MessageSender.Server, true, true)]
    [InlineData(MessageSender.Server, false, false)]
    public void Durable_A_commit_that_is_cut_anywhere_happened_once_or_not_at_all_and_reopening_knows_which(
        MessageSender sender, bool serverNotices, bool isPrepared)
    {
        using var test = new Fixture();
        var (happened, lost) = (0, 0);
        test.CutEverywhere(sender, serverNotices, prepare: () =>
        {
            // The driver prepares a statement that it has sent before on the same connection.
            for (var i = 0; isPrepared && i < 3; i++)
                test.Commit(test.Decide());
            var round = test.Decide();
            return () =>
            {
                var acknowledged = test.TryCommit(round);
                return () => Check(round, acknowledged);
            };
        });
        test.Commit(test.Decide());
        test.CheckData();
        // A cut of an answer comes after the commit. The server commits only after the client's last message.
        Assert.True(sender == MessageSender.Client ? lost > 10 : happened > 10);

        void Check(Round round, bool acknowledged)
        {
            var position = test.Session.Reopen();
            var isThere = position.LastCommit == round.Writes.Number;
            Assert.Equal(isThere ? round.Writes.Number : round.Writes.Number - 1, position.LastCommit);
            Assert.True(isThere || !acknowledged);
            Assert.Equal(isThere, position.LastResult is { IsWhole: true } && round.HasResult(position.LastResult));
            test.Note(round, isThere);
            (happened, lost) = (happened + (isThere ? 1 : 0), lost + (isThere ? 0 : 1));
            test.CheckData();
        }
    }

    [Theory]
    [InlineData(MessageSender.Client, true)]
    [InlineData(MessageSender.Client, false)]
    [InlineData(MessageSender.Server, true)]
    public void The_read_of_a_batch_that_is_cut_anywhere_fails_or_is_right_and_the_next_commit_works(
        MessageSender sender, bool serverNotices)
    {
        using var test = new Fixture();
        test.CutEverywhere(sender, serverNotices, prepare: () =>
        {
            var before = test.Session.Position;
            return () =>
            {
                try
                {
                    var read = test.Session.Read(Sid, keys => keys.AddUser(new UserLookup(Sample.Key(test.LastUser))));
                    Assert.Equal((test.Service.Id, test.LastUser.Id), (read.Service!.Record.Id, read.Users[0]!.Id));
                }
                catch (StorageException)
                {
                    // The writer reopens the store.
                }
                return () =>
                {
                    Assert.Equal(before.LastCommit, test.Session.Reopen().LastCommit);
                    test.Commit(test.Decide());
                    test.CheckData();
                };
            };
        });
    }

    [Theory]
    [InlineData(MessageSender.Client, true, true)]
    [InlineData(MessageSender.Client, true, false)]
    [InlineData(MessageSender.Client, false, true)]
    [InlineData(MessageSender.Server, true, true)]
    [InlineData(MessageSender.Server, true, false)]
    public void A_reopening_that_is_cut_anywhere_does_not_forget_the_commit_in_doubt(
        MessageSender sender, bool serverNotices, bool happened)
    {
        using var test = new Fixture();
        test.CutEverywhere(sender, serverNotices, [MessagePart.Nothing, MessagePart.Half], prepare: () =>
        {
            var round = test.Decide();
            var cutSide = happened ? MessageSender.Server : MessageSender.Client;
            test.Relay.PlanCut(cutSide, message: 0, MessagePart.Nothing, serverNotices: true);
            Assert.False(test.TryCommit(round));
            Assert.True(test.Relay.WasCut());
            return () =>
            {
                WriterPosition? reopened = null;
                try
                {
                    reopened = test.Session.Reopen();
                }
                catch (StorageException)
                {
                    // The writer tries again.
                }
                return () =>
                {
                    var position = reopened ?? test.ReopenAgain();
                    Assert.Equal(happened ? round.Writes.Number : round.Writes.Number - 1, position.LastCommit);
                    Assert.Equal(happened, position.LastResult is not null && round.HasResult(position.LastResult));
                    test.Note(round, happened);
                    test.CheckData();
                };
            };
        });
        test.Commit(test.Decide());
        test.CheckData();
    }

    [Theory]
    [InlineData(MessageSender.Client)]
    [InlineData(MessageSender.Server)]
    public void A_read_whose_pooled_connection_is_cut_anywhere_is_right_or_fails_and_is_tried_again_before_an_answer(MessageSender sender)
    {
        using var test = new Fixture();
        var failed = 0;
        test.CutEverywhere(sender, serverNotices: true, prepare: () =>
        {
            Assert.Equal(3, test.CountUsers()); // now the pool has a connection
            return () =>
            {
                try
                {
                    Assert.Equal(3, test.CountUsers());
                }
                catch (StorageException)
                {
                    failed++;
                }
                return () => Assert.Equal(3, test.CountUsers());
            };
        });
        // The client sends everything before the first answer, so that its messages can be sent again.
        Assert.Equal(sender == MessageSender.Server, failed > 0);
    }

    [Theory]
    [InlineData(MessageSender.Client)]
    [InlineData(MessageSender.Server)]
    public void An_opening_that_is_cut_anywhere_can_be_repeated(MessageSender sender)
    {
        using var test = new Fixture();
        test.Store.Dispose();
        test.CutEverywhere(sender, serverNotices: true, [MessagePart.Nothing], prepare: () => () =>
        {
            try
            {
                test.OpenAgain();
                test.Store.Dispose();
            }
            catch (StorageException)
            {
                test.WaitUntilNoSession();
            }
            return () => { };
        });
        test.OpenAgain();
        test.Commit(test.Decide());
        test.CheckData();
    }

    /// <summary>
    /// A store behind a relay. Each round writes one of everything and removes one of everything, so the number of rounds that happened
    /// says which rows there must be.
    /// </summary>
    private sealed class Fixture : IDisposable
    {
        private readonly string _connectionString = PostgresTests.RentSchema();
        private readonly List<Round> _rounds = [];

        public Fixture()
        {
            Relay = new SocketRelay(PostgresServer.Shared.Directory);
            OpenAgain();
            Service = Session.InsertService(Sample.Service() with { Revision = 1 });
            Session.Commit();
            for (var i = 0; i < 3; i++)
                Commit(Decide());
        }

        public SocketRelay Relay { get; }

        public PostgresPresenceStore Store { get; private set; } = null!;

        public StoreSession Session { get; private set; } = null!;

        public ServiceRecord Service { get; }

        public UserRecord LastUser => _rounds[^1].User;

        public void OpenAgain()
        {
            Store = PostgresPresenceStore.OpenAsync(
                new PostgresStoreOptions
                {
                    ConnectionString = new NpgsqlConnectionStringBuilder(_connectionString) { Host = Relay.Directory }.ConnectionString,
                    HolderGrace = TimeSpan.Zero,
                },
                CancellationToken.None).GetAwaiter().GetResult();
            Session = StoreSession.Of(Store);
        }

        /// <summary>
        /// Reopens the store after a reopening that was cut. What that one had sent may run late, and end the session of the next one.
        /// </summary>
        public WriterPosition ReopenAgain()
        {
            try
            {
                return Session.Reopen();
            }
            catch (StorageException)
            {
                return Session.Reopen();
            }
        }

        /// <summary>
        /// Runs what was prepared, and then the check that it returns, again and again. Each time, the connection is cut at another place
        /// before the check.
        /// </summary>
        public void CutEverywhere(MessageSender sender, bool serverNotices, Func<Func<Action>> prepare) =>
            CutEverywhere(sender, serverNotices, Enum.GetValues<MessagePart>(), prepare);

        public void CutEverywhere(MessageSender sender, bool serverNotices, MessagePart[] parts, Func<Func<Action>> prepare)
        {
            foreach (var part in parts)
            {
                var (message, wasCut) = (0, true);
                for (; wasCut; message++)
                {
                    var run = prepare();
                    Relay.PlanCut(sender, message, part, serverNotices);
                    var check = run();
                    wasCut = Relay.WasCut();
                    check();
                }
                Assert.True(message > 3);
            }
        }

        /// <summary>Returns the writes of the next round: one of everything.</summary>
        public Round Decide()
        {
            var number = _rounds.Count + 1;
            var (last, user3) = (Before(1), Before(3));
            Session.UpdateService(Service with { FriendlyName = $"round {number}", Revision = number + 1 });
            var user = Session.InsertUser(Service.Id, Sample.User(number, number + 1));
            var binding = Session.InsertBinding(Service.Id, user.Id, Sample.Binding(number, user));
            var session = SessionId.FromTrusted($"session-{number}");
            Session.AddEndedSession(Service.Id, user.Identity, session, TimeSpan.FromDays(1));
            Session.PutWebhook(new StoredWebhook(
                Service.Id, Sid, new WebhookSettings { PostUrl = "https://post.example" }, new WebhookPosition(number)));
            Session.PutNotifications(Service.Id, new NotificationSettings { LogEnabled = number % 2 == 0 });
            var other = Session.InsertService(Sample.Service(100 + number));
            var key = Session.InsertApiKey(Sample.ApiKey(number));
            Session.StoreUptime(new ServerUptime(Sample.Time, TimeSpan.FromSeconds(number)));
            if (last is not null)
            {
                Session.UpdateUser(last.User with { FriendlyName = $"changed in {number}", Revision = number + 1 });
                Session.MarkAlive(Service.Id, last.User.Id, TimeSpan.FromSeconds(number));
                Session.DeleteBinding(last.Binding);
                Session.RemoveEndedSession(Service.Id, last.User.Identity, last.Session);
                Session.DeleteService(last.Other.Id);
                Session.UpdateApiKey(last.Key with { Secret = new ApiKeySecret("new", $"{number}") });
            }
            if (Before(2) is { } before)
            {
                Session.UpdatePresence(before.User with { IsOnline = true, OnlineRevision = number + 1, Revision = number + 1 });
                Session.DeleteApiKey(before.Key);
            }
            if (user3 is not null)
                Session.DeleteUser(Service.Id, user3.User, Sample.TombstoneOf(user3.User, number + 1));
            return new Round(Session.Build(), user, binding, session, other, key);
        }

        /// <summary>Commits a round, which must happen.</summary>
        public void Commit(Round round)
        {
            Assert.True(Session.Commit(round.Writes).IsWhole);
            _rounds.Add(round);
        }

        /// <summary>Commits a round. Returns whether that was acknowledged.</summary>
        public bool TryCommit(Round round)
        {
            try
            {
                return Session.Commit(round.Writes).IsWhole;
            }
            catch (StorageException)
            {
                return false;
            }
        }

        public void Note(Round round, bool happened)
        {
            if (happened)
                _rounds.Add(round);
        }

        /// <summary>Checks that every table has what the rounds that happened have written, and nothing else.</summary>
        public void CheckData()
        {
            var count = _rounds.Count;
            var expected = string.Join(
                '|',
                $"round {count}",
                string.Join(',', _rounds.Skip(count - 3).Select(round => round.User.Identity)),
                $"changed in {count}",
                1,
                count - 3,
                $"https://push.example/{count}",
                $"session-{count}",
                string.Join(',', _rounds.Skip(count - 2).Select(round => round.Key.Id)),
                2,
                count,
                TimeSpan.FromSeconds(count).Ticks);
            Assert.Equal(
                expected,
                PostgresServer.Query<string>(
                    _connectionString,
                    """
                    SELECT concat_ws('|',
                        (SELECT convert_from(friendly_name, 'UTF8') FROM services WHERE id = 1),
                        (SELECT string_agg(convert_from(identity, 'UTF8'), ',' ORDER BY id) FROM users),
                        (SELECT coalesce(max(convert_from(friendly_name, 'UTF8')), '') FROM users
                            WHERE id = (SELECT max(id) FROM users WHERE id < (SELECT max(id) FROM users))),
                        (SELECT count(*) FROM presence WHERE is_online AND online_revision = (SELECT revision FROM services WHERE id = 1)),
                        (SELECT count(*) FROM tombstones),
                        (SELECT string_agg(convert_from(endpoint, 'UTF8'), ',' ORDER BY id) FROM push_bindings),
                        (SELECT string_agg(convert_from(session_id, 'UTF8'), ',' ORDER BY id) FROM ended_sessions),
                        (SELECT string_agg(id::text, ',' ORDER BY id) FROM api_keys),
                        (SELECT count(*) FROM services WHERE NOT is_deleted),
                        (SELECT position FROM webhooks WHERE service_id = 1),
                        (SELECT total FROM uptime))
                    """));
        }

        public int CountUsers() =>
            Store.ListUsersAsync(Sid, 0, 10, online: null, CancellationToken.None).AsTask().GetAwaiter().GetResult().Users.Count;

        /// <summary>Waits until the server has ended the sessions of the node.</summary>
        public void WaitUntilNoSession() => PostgresTests.WaitUntil(
            _connectionString,
            """
            NOT EXISTS (
                SELECT FROM nodes AS n
                JOIN pg_stat_activity AS a ON a.application_name LIKE format('node-%s-%s%%', n.id, to_hex(n.incarnation)))
            """);

        public void Dispose()
        {
            Store.Dispose();
            Relay.Dispose();
            PostgresTests.ReturnSchema(_connectionString);
        }

        private Round? Before(int rounds) => _rounds.Count >= rounds ? _rounds[^rounds] : null;
    }

    /// <summary>One of everything.</summary>
    private sealed record Round(
        BatchWrites Writes, UserRecord User, PushBinding Binding, SessionId Session, ServiceRecord Other, ApiKey Key)
    {
        /// <summary>Whether a result names the service instances of this round, with their revisions before it.</summary>
        public bool HasResult(CommitResult result) =>
            result.IsWhole && result.Services.SequenceEqual(Writes.Services.Select(writes => new ServiceResult(
                writes.Service.Record.Sid, IsStale: false, writes.Read.Counters)));
    }
}
