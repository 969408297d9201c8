using GrpcPresence.Core.Domain.Users;
using GrpcPresence.Core.Storage.Batches;
using GrpcPresence.Storage.Tests.Postgres;
using GrpcPresence.Testing;

namespace GrpcPresence.Storage.Tests.Writing;

/// <summary>
/// Two writers on one tenant lose nothing: a writer that commits between the read and the commit of another one changes neither what that
/// one answers nor what it stores. A failure prints the seed and the round.
/// </summary>
public sealed class TwoWriterPropertyTests
{
    private const int Rounds = 10;

    [Fact]
    public async Task A_command_has_the_outcome_that_it_has_before_or_after_the_other_writer_in_memory()
    {
        for (var seed = 1; seed <= 40; seed++)
            await RequireOneOrder(seed, Pair.InMemory);
    }

    [Fact]
    public async Task A_command_has_the_outcome_that_it_has_before_or_after_the_other_writer_in_PostgreSQL()
    {
        for (var seed = 1; seed <= 3; seed++)
            await RequireOneOrder(seed, Pair.Postgres);
    }

    [Fact]
    public async Task Two_writers_take_each_revision_once_in_memory()
    {
        for (var seed = 1; seed <= 120; seed++)
            await RequireOneLine(seed, Pair.InMemory);
    }

    [Fact]
    public async Task Two_writers_take_each_revision_once_in_PostgreSQL()
    {
        for (var seed = 1; seed <= 10; seed++)
            await RequireOneLine(seed, Pair.Postgres);
    }

    private static async Task RequireOneOrder(int seed, Func<Pair> open)
    {
        var random = new Random(seed);
        for (var round = 0; round < Rounds; round++)
        {
            // Each round begins with the same data in three pairs, which random SIDs would let diverge otherwise.
            using var interleaved = open();
            using var otherFirst = open();
            using var otherLast = open();
            WriterStep[][] before = [.. Enumerable.Range(0, 3).Select(_ => WriterStep.Group(random, random.Next(1, 8)))];
            WriterStep[] ours = [];
            while (ours.Length == 0) // a group can lose a command
                ours = WriterStep.Group(random, 1);
            var theirs = WriterStep.Group(random, random.Next(1, 6));
            foreach (var pair in (Pair[])[interleaved, otherFirst, otherLast])
                await pair.BeginAsync(before);

            var seen = await interleaved.First.LookAsync();
            IReadOnlyList<string> theirOutcomes = [];
            InterleavedStore.BeforeNextCommit(
                interleaved.Store, () => theirOutcomes = interleaved.Second.WriteTogetherAsync(theirs).GetAwaiter().GetResult());
            var outcomes = await interleaved.First.WriteTogetherAsync(ours, seen);
            if (theirOutcomes.Count == 0) // the command committed nothing
                theirOutcomes = await interleaved.Second.WriteTogetherAsync(theirs);
            InterleavedStore.BeforeNextCommit(interleaved.Store, null);
            string[] actual = [.. outcomes, .. theirOutcomes, .. await interleaved.DescribeAsync()];

            seen = await otherFirst.First.LookAsync();
            theirOutcomes = await otherFirst.Second.WriteTogetherAsync(theirs);
            outcomes = await otherFirst.First.WriteTogetherAsync(ours, seen);
            string[] after = [.. outcomes, .. theirOutcomes, .. await otherFirst.DescribeAsync()];

            outcomes = await otherLast.First.WriteTogetherAsync(ours);
            string[] first = [.. outcomes, .. await otherLast.Second.WriteTogetherAsync(theirs), .. await otherLast.DescribeAsync()];

            Assert.True(
                actual.SequenceEqual(after) || actual.SequenceEqual(first),
                $"Seed {seed}, round {round}: {ours[0]} between {string.Join(", ", theirs)}\n"
                    + $"{Difference(after, actual)}\n--\n{Difference(first, actual)}");
        }
    }

    private static async Task RequireOneLine(int seed, Func<Pair> open)
    {
        var random = new Random(seed);
        using var pair = open();
        await pair.BeginAsync([]);
        for (var round = 0; round < Rounds; round++)
        {
            var (ours, theirs) = (WriterStep.Group(random, random.Next(1, 15)), WriterStep.Group(random, random.Next(1, 15)));
            InterleavedStore.BeforeNextCommit(pair.Store, () => pair.Second.WriteTogetherAsync(theirs).GetAwaiter().GetResult());
            await pair.First.WriteTogetherAsync(ours);
            InterleavedStore.BeforeNextCommit(pair.Store, null);
            await RequireConsistency(pair, $"Seed {seed}, round {round}: {string.Join(", ", ours)} around {string.Join(", ", theirs)}");
        }
    }

    private static async Task RequireConsistency(Pair pair, string where)
    {
        var published = pair.First.Changes.Concat(pair.Second.Changes).ToLookup(change => change.Service);
        foreach (var service in await pair.Store.ListServicesAsync(0, 10, default))
        {
            var changes = published[service.Id].OrderBy(change => change.Revision).ToArray();
            Assert.True(
                changes.Select(change => change.Revision).SequenceEqual(Enumerable.Range(1, (int)service.Revision).Select(n => (long)n)),
                $"{where}\nRevisions up to {service.Revision}: {string.Join(", ", changes.Select(change => change.Revision))}");
            foreach (var user in changes.GroupBy(change => change.User).Where(group => group.Key is not null))
            {
                var last = 0L;
                foreach (var change in user)
                {
                    Assert.True(change.Previous == last, $"{where}\n{change} follows {last}\n{string.Join("\n", user)}");
                    last = change.Reasons.HasFlag(UpdateReasons.Deleted) ? 0 : change.Revision;
                }
            }
            var users = (await pair.Store.ListUsersAsync(service.Sid, 0, 100, online: null, default)).Users;
            Assert.True(service.UserCount == users.Count, $"{where}\n{service.UserCount} users are counted, {users.Count} exist");
            var bindings = await pair.Store.ListBindingsAsync(service.Sid, BindingFilter.All, 0, 100, default);
            foreach (var user in users)
            {
                var record = user.Record!;
                Assert.True(
                    record.Revision == changes.Last(change => change.User == record.Identity).Revision
                        && record.BindingCount == bindings.Count(binding => binding.UserSid == record.Sid),
                    $"{where}\n{record}");
            }
            Assert.Equal(users.Count, users.Select(user => user.Record!.Id).Distinct().Count());
        }
    }

    private static string Difference(IReadOnlyList<string> expected, IReadOnlyList<string> actual) =>
        $"missing:\n{string.Join("\n", expected.Except(actual))}\nunexpected:\n{string.Join("\n", actual.Except(expected))}";

    /// <summary>Two writers of one store.</summary>
    private sealed class Pair(IPresenceStore store, IPresenceStore other, Action release) : IDisposable
    {
        public IPresenceStore Store { get; } = InterleavedStore.Over(store);

        public WriterRun First { get; private set; } = null!;

        public WriterRun Second { get; private set; } = null!;

        public static Pair InMemory()
        {
            var store = new InMemoryPresenceStore();
            return new Pair(store, store.OpenAnotherWriter(), () => { });
        }

        public static Pair Postgres()
        {
            var schema = PostgresTests.RentSchema();
            return new Pair(PostgresTests.Open(schema), PostgresTests.Open(schema, node: 2), () => PostgresTests.ReturnSchema(schema));
        }

        /// <summary>Starts both writers, and lets them write in turns.</summary>
        public async Task BeginAsync(WriterStep[][] steps)
        {
            First = await WriterRun.StartAsync(Store, publishesUsers: true);
            Second = WriterRun.Join(other);
            for (var i = 0; i < steps.Length; i++)
                await (i % 2 == 0 ? First : Second).WriteTogetherAsync(steps[i]);
        }

        /// <summary>Describes all data, and what both writers have published.</summary>
        public async Task<IReadOnlyList<string>> DescribeAsync() =>
        [
            .. (await First.DescribeAsync()).Where(line => !line.StartsWith(nameof(WriterRun.Published), StringComparison.Ordinal)),
            .. First.Changes.Concat(Second.Changes).Select(change => $"{change}").Order(StringComparer.Ordinal),
        ];

        public void Dispose()
        {
            First.Dispose();
            Second.Dispose();
            store.Dispose();
            other.Dispose();
            release();
        }
    }
}
