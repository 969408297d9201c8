using System.Text.Json;
using System.Text.Json.Serialization;

namespace GrpcPresence.Bench.Report;

/// <summary>The rows of a run, for people and for programs.</summary>
internal sealed class Results(TextWriter output)
{
    private static readonly JsonSerializerOptions Json = new(JsonSerializerDefaults.Web)
    {
        WriteIndented = true,
        NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals, // a quick run divides by times that are too short to count
    };

    private readonly List<Row> _rows = [];

    /// <summary>Adds a row and prints it.</summary>
    public void Add(Row row)
    {
        _rows.Add(row);
        output.WriteLine($"   {row.Id}: {row.Result}, target {row.Target}{Verdict(row)}");
    }

    /// <summary>Prints the table, in Markdown.</summary>
    public void PrintTable()
    {
        output.WriteLine();
        output.WriteLine("| # | what | target | result | | the bottleneck |");
        output.WriteLine("|---|---|---|---|---|---|");
        foreach (var row in _rows)
            output.WriteLine($"| {row.Id} | {row.What} | {row.Target} | {row.Result} | {Mark(row)} | {row.Evidence} |");
        output.WriteLine();
    }

    /// <summary>Writes all figures to a file.</summary>
    public void Save(string path, string machine)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.WriteAllText(path, JsonSerializer.Serialize(new { Time = DateTimeOffset.UtcNow, Machine = machine, Rows = _rows }, Json));
    }

    private static string Verdict(Row row) => row.IsReached is { } reached ? (reached ? ", reached" : ", not reached") : "";

    private static string Mark(Row row) => row.IsReached is { } reached ? (reached ? "✓" : "✗") : "";
}
