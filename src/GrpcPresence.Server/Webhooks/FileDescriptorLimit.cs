using System.Globalization;

namespace GrpcPresence.Server.Webhooks;

/// <summary>How many file descriptors the process may have.</summary>
internal static class FileDescriptorLimit
{
    private const string LimitsFile = "/proc/self/limits";
    private const string Label = "Max open files";

    /// <summary>Returns the limit; <see cref="int.MaxValue"/> if there is no limit or the operating system does not show it.</summary>
    public static int Read() => File.Exists(LimitsFile) ? Parse(File.ReadLines(LimitsFile)) : int.MaxValue;

    /// <summary>Returns the soft limit, which is the first number of its line.</summary>
    public static int Parse(IEnumerable<string> lines)
    {
        var line = lines.FirstOrDefault(text => text.StartsWith(Label, StringComparison.Ordinal)) ?? Label;
        var soft = line[Label.Length..].Split(' ', StringSplitOptions.RemoveEmptyEntries).FirstOrDefault();
        return int.TryParse(soft, NumberStyles.None, CultureInfo.InvariantCulture, out var limit) ? limit : int.MaxValue;
    }
}
