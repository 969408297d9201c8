using System.Diagnostics;
using System.Globalization;
using GrpcPresence.Bench.Scenarios;
using GrpcPresence.Core.Storage.Batches;
using GrpcPresence.Storage.Postgres.Store;
using GrpcPresence.Storage.Sqlite.Store;

namespace GrpcPresence.Bench.InProcess;

/// <summary>
/// Alternates between the writer on SQLite, the bare loop and the writer on PostgreSQL, and prints how many transitions per second each
/// did.
/// </summary>
internal static class MeasureWriterCommand
{
    /// <summary>
    /// Runs the command. Arguments: a path for databases, users, transitions per batch, rounds, and optionally the connection string of an
    /// empty PostgreSQL database.
    /// </summary>
    public static int Run(string[] arguments)
    {
        var path = arguments[0];
        var (users, batch, rounds) = (Number(arguments[1]), Number(arguments[2]), Number(arguments[3]));
        PreparedDatabase.Create($"{path}-bare.db", users, online: false, TimeSpan.FromHours(24));
        using var onSqlite = Prepare(new SqlitePresenceStore(new SqliteStoreOptions { Path = $"{path}.db" }), users);
        using var onPostgres = arguments.Length > 4 ? Prepare(OpenPostgres(arguments[4]), users) : null;
        using var bare = new BareLoop($"{path}-bare.db");
        var order = Population.Shuffled(users);
        for (var round = 0; round < rounds; round++)
        {
            double?[] rates =
            [
                Rate(users, () => onSqlite.Run(order, batch, round)),
                Rate(users, () => bare.Run(order, batch, round)),
                onPostgres is null ? null : Rate(users, () => onPostgres.Run(order, batch, round)),
            ];
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"round {rates[0]} {rates[1]} {rates[2]}"));
        }
        return 0;
    }

    private static WriterLoop Prepare(IPresenceStore store, int users)
    {
        PreparedDatabase.Fill(store, users, online: false, TimeSpan.FromHours(24));
        return new WriterLoop(store);
    }

    private static PostgresPresenceStore OpenPostgres(string connectionString) =>
        PostgresPresenceStore.OpenAsync(new PostgresStoreOptions { ConnectionString = connectionString }, CancellationToken.None)
            .GetAwaiter().GetResult();

    private static double Rate(int operations, Action act)
    {
        var began = Stopwatch.GetTimestamp();
        act();
        return operations / Stopwatch.GetElapsedTime(began).TotalSeconds;
    }

    private static int Number(string text) => int.Parse(text, CultureInfo.InvariantCulture);
}
