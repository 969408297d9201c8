using System.Globalization;

namespace GrpcPresence.Server.Streams.Connections;

/// <summary>
/// The number of files that the system lets the process open; each connection is one. Without a file for the database or for a new
/// connection, the process cannot go on.
/// </summary>
internal static class FileLimit
{
    /// <summary>
    /// Files that connections may not take: the runtime's own, which are about 260, the database and its readers, webhooks, and the log.
    /// </summary>
    public const int Reserve = 320;

    // The connections that are being closed because they exceed the limit, at most a quarter of all.
    private const int Closing = 64;

    // Where the limit is so low that the reserve takes everything, the server serves a few clients as long as it can.
    private const int Minimum = 32;

    private const string LimitsOfProcess = "/proc/self/limits";
    private const string Name = "Max open files";

    /// <summary>Returns the limit, or null where the system does not say it. .NET has raised the soft limit to the hard one.</summary>
    public static int? Find() => File.Exists(LimitsOfProcess) ? Parse(File.ReadAllLines(LimitsOfProcess)) : null;

    /// <summary>Returns the connections that the process can hold, besides those that are being closed.</summary>
    public static int ConnectionsWithin(int files, int wanted)
    {
        var available = Math.Max(Minimum, files - Reserve);
        return Math.Min(wanted, available - Math.Min(Closing, available / 4));
    }

    /// <summary>Reads the soft limit: the first of two columns.</summary>
    internal static int? Parse(IEnumerable<string> lines)
    {
        var line = lines.FirstOrDefault(line => line.StartsWith(Name, StringComparison.Ordinal));
        var columns = line?[Name.Length..].Split(' ', StringSplitOptions.RemoveEmptyEntries);
        var soft = columns is [var first, ..] ? first : "";
        return int.TryParse(soft, NumberStyles.None, CultureInfo.InvariantCulture, out var files) ? files : null;
    }
}
