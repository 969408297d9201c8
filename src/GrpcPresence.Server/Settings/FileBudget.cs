using System.Globalization;
using GrpcPresence.Core.Domain;

namespace GrpcPresence.Server.Settings;

/// <summary>
/// Divides the files that the system lets the process open. Each connection is one. Without a file for the database or for a new
/// connection, the process cannot go on.
/// </summary>
/// <param name="Connections">The connections of clients, if the setting allows so many.</param>
/// <param name="WebhookConnections">The connections to webhook receivers.</param>
/// <param name="WebhookLookups">The lookups of their names.</param>
internal sealed record FileBudget(int Connections, int WebhookConnections, int WebhookLookups)
{
    // The files of the program, the store and the listeners: about 260 were open in a server without clients.
    private const int OwnFiles = 288;

    // Connections that gave way to newer ones, and whose sockets are still open.
    private const int MaxClosing = 64;

    // Where the limit is so low that nothing is left, the server serves a few clients as long as it can.
    private const int MinConnections = 16;
    private const int MinWebhookConnections = 8;
    private const int MinWebhookLookups = 4;

    private const string LimitsFile = "/proc/self/limits";
    private const string Name = "Max open files";

    /// <summary>Returns the limit; <see cref="int.MaxValue"/> without a limit, or if the system does not show it.</summary>
    public static int FindLimit() => File.Exists(LimitsFile) ? ParseLimit(File.ReadLines(LimitsFile)) : int.MaxValue;

    /// <summary>Divides so many files.</summary>
    public static FileBudget Of(int files)
    {
        var left = Math.Max(0, files - OwnFiles);
        var webhooks = Math.Clamp(left / 4, MinWebhookConnections, Limits.WebhookConnections);
        var lookups = Math.Clamp(left / 8, MinWebhookLookups, Limits.WebhookLookups);
        var clients = Math.Max(MinConnections, left - webhooks - lookups);
        return new FileBudget(clients - Math.Min(MaxClosing, clients / 4), webhooks, lookups);
    }

    /// <summary>Returns the soft limit, which is the first of two columns. .NET has raised it to the hard one.</summary>
    internal static int ParseLimit(IEnumerable<string> lines)
    {
        var line = lines.FirstOrDefault(line => line.StartsWith(Name, StringComparison.Ordinal)) ?? Name;
        var soft = line[Name.Length..].Split(' ', StringSplitOptions.RemoveEmptyEntries).FirstOrDefault();
        return int.TryParse(soft, NumberStyles.None, CultureInfo.InvariantCulture, out var limit) ? limit : int.MaxValue;
    }
}
