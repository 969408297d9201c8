using System.Diagnostics;
using System.Globalization;
using GrpcPresence.Bench.Scenarios;

namespace GrpcPresence.Bench.InProcess;

/// <summary>Alternates between the writer and the bare loop, and prints how many transitions per second each did.</summary>
internal static class MeasureWriterCommand
{
    /// <summary>Runs the command. Arguments: a path for databases, users, transitions per batch, rounds.</summary>
    public static int Run(string[] arguments)
    {
        var path = arguments[0];
        var (users, batch, rounds) = (Number(arguments[1]), Number(arguments[2]), Number(arguments[3]));
        PreparedDatabase.Create($"{path}.db", users, online: false, TimeSpan.FromHours(24));
        PreparedDatabase.Create($"{path}-bare.db", users, online: false, TimeSpan.FromHours(24));
        using var writer = new WriterLoop($"{path}.db");
        using var bare = new BareLoop($"{path}-bare.db");
        var order = Population.Shuffled(users);
        for (var round = 0; round < rounds; round++)
        {
            var mine = Rate(users, () => writer.Run(order, batch, round));
            var theirs = Rate(users, () => bare.Run(order, batch, round));
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"round {mine} {theirs}"));
        }
        return 0;
    }

    private static double Rate(int operations, Action act)
    {
        var began = Stopwatch.GetTimestamp();
        act();
        return operations / Stopwatch.GetElapsedTime(began).TotalSeconds;
    }

    private static int Number(string text) => int.Parse(text, CultureInfo.InvariantCulture);
}
