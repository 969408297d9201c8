using GrpcPresence.Core.Storage.Batches;
using GrpcPresence.Storage.Sqlite.Store;
using GrpcPresence.Storage.Tests.Postgres;
using GrpcPresence.Testing;

namespace GrpcPresence.Storage.Tests.Writing;

/// <summary>
/// A batch of N commands equals N batches of one: the overlay answers as the store would, also about the batch's own writes. The same
/// random commands are written both ways, and must have the same outcomes and leave the same data. A failure prints the seed and the group.
/// </summary>
public sealed class BatchPropertyTests
{
    private const int Groups = 8;
    private const int LargestGroup = 14;

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_batch_of_many_commands_equals_batches_of_one_in_memory(bool publishesUsers)
    {
        for (var seed = 1; seed <= 300; seed++)
        {
            using var together = new InMemoryPresenceStore();
            using var apart = new InMemoryPresenceStore();
            await Require(seed, together, apart, publishesUsers);
        }
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_batch_of_many_commands_equals_batches_of_one_in_SQLite(bool publishesUsers)
    {
        for (var seed = 1; seed <= 40; seed++)
        {
            using var directory = new TemporaryDirectory();
            using var together = new SqlitePresenceStore(new SqliteStoreOptions { Path = directory.File("together.db") });
            using var apart = new SqlitePresenceStore(new SqliteStoreOptions { Path = directory.File("apart.db") });
            await Require(seed, together, apart, publishesUsers);
        }
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_batch_of_many_commands_equals_batches_of_one_in_PostgreSQL(bool publishesUsers)
    {
        for (var seed = 1; seed <= 8; seed++)
        {
            var (first, second) = (PostgresTests.RentSchema(), PostgresTests.RentSchema());
            using (var together = PostgresTests.Open(first))
            using (var apart = PostgresTests.Open(second))
                await Require(seed, together, apart, publishesUsers);
            PostgresTests.ReturnSchema(first);
            PostgresTests.ReturnSchema(second);
        }
    }

    [Fact]
    public async Task A_batch_of_many_commands_equals_batches_of_one_although_commits_are_stale_in_part_or_in_doubt()
    {
        for (var seed = 1; seed <= 150; seed++)
        {
            using var together = new InMemoryPresenceStore();
            using var apart = new InMemoryPresenceStore();
            var random = new Random(seed);
            await Require(seed, together, apart, publishesUsers: true, keepsActors: false, beforeGroup: _ =>
                Disturb(random.Next(2) == 0 ? together : apart, random.Next(6)));
        }
    }

    /// <summary>Makes the next commit find another writer's changes, or report failure although it happens.</summary>
    private static void Disturb(InMemoryPresenceStore store, int choice)
    {
        if (choice < 2)
            store.Faults.MakeNextCommitStale();
        else if (choice < 5)
            store.Faults.MakeNextCommitStale(choice == 2 ? WriterRun.Fleeting : WriterRun.Lasting);
        if (choice > 3)
            store.Faults.FailCommit(CommitFault.AfterEffect);
    }

    private static async Task Require(
        int seed,
        IPresenceStore together,
        IPresenceStore apart,
        bool publishesUsers,
        bool keepsActors = true,
        Action<int>? beforeGroup = null)
    {
        var random = new Random(seed);
        using var first = await WriterRun.StartAsync(together, publishesUsers);
        using var second = await WriterRun.StartAsync(apart, publishesUsers);
        for (var group = 0; group < Groups; group++)
        {
            var steps = WriterStep.Group(random, random.Next(1, LargestGroup + 1));
            // A command that is decided again comes after the revocation of its API key, although it was queued before.
            if (!keepsActors)
                steps = [.. steps.Where(step => step.Act != WriterAct.ActWithKey)];
            beforeGroup?.Invoke(group);
            var outcomes = await first.WriteTogetherAsync(steps);
            var expected = await second.WriteApartAsync(steps);
            var where = $"Seed {seed}, group {group}: {string.Join(", ", steps)}";
            Assert.True(expected.SequenceEqual(outcomes), $"{where}\n{string.Join("\n", expected)}\n--\n{string.Join("\n", outcomes)}");
            var (data, expectedData) = (await first.DescribeAsync(), await second.DescribeAsync());
            Assert.True(expectedData.SequenceEqual(data), $"{where}\n{Difference(expectedData, data)}");
        }
    }

    private static string Difference(IReadOnlyList<string> expected, IReadOnlyList<string> actual) =>
        $"missing:\n{string.Join("\n", expected.Except(actual))}\nunexpected:\n{string.Join("\n", actual.Except(expected))}";
}
