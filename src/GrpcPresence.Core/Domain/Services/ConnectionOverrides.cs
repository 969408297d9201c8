using System.Globalization;

namespace GrpcPresence.Core.Domain.Services;

/// <summary>
/// How one URL changes the connections of its webhooks, under the names of Twilio's connection overrides: the fragment of the URL, such as
/// <c>#rc=2&amp;ct=500</c>. Null leaves the default.
/// </summary>
/// <param name="Retries"><c>rc</c>: how often a failed connection is tried again at once, within the time limit of the webhook.</param>
/// <param name="ConnectTimeout"><c>ct</c>: the time limit of a connection, in milliseconds.</param>
/// <param name="ReadTimeout"><c>rt</c>: the time limit of the answer on a connection, in milliseconds.</param>
public sealed record ConnectionOverrides(int? Retries, TimeSpan? ConnectTimeout, TimeSpan? ReadTimeout)
{
    private const int MaxRetries = 5;
    private const int MinMilliseconds = 100;
    private const int MaxConnectMilliseconds = 10_000;
    private const int MaxReadMilliseconds = 15_000;

    /// <summary>Parses a fragment without the number sign; an empty one changes nothing.</summary>
    /// <param name="fragment">The fragment.</param>
    /// <param name="problem">What is wrong with it, after the words "the URL"; null if nothing is.</param>
    public static ConnectionOverrides Parse(string fragment, out string? problem)
    {
        problem = null;
        var overrides = new ConnectionOverrides(null, null, null);
        foreach (var part in fragment.Split('&', StringSplitOptions.RemoveEmptyEntries))
        {
            var (name, value) = part.Split('=', 2) is [var before, var after] ? (before, after) : (part, "");
            switch (name)
            {
                case "rc":
                    overrides = overrides with { Retries = Read(name, value, 0, MaxRetries, ref problem) };
                    break;
                case "ct":
                    var connect = Read(name, value, MinMilliseconds, MaxConnectMilliseconds, ref problem);
                    overrides = overrides with { ConnectTimeout = TimeSpan.FromMilliseconds(connect) };
                    break;
                case "rt":
                    var read = Read(name, value, MinMilliseconds, MaxReadMilliseconds, ref problem);
                    overrides = overrides with { ReadTimeout = TimeSpan.FromMilliseconds(read) };
                    break;
                default:
                    problem ??= $"must not have the connection override '{name}' in its fragment; supported are rc, ct and rt";
                    break;
            }
        }
        return overrides;
    }

    private static int Read(string name, string text, int min, int max, ref string? problem)
    {
        if (int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var value) && value >= min && value <= max)
            return value;
        problem ??= $"must have a whole number from {min} to {max} in the connection override '{name}'";
        return min;
    }
}
