namespace GrpcPresence.Client.Connections;

/// <summary>Compares durations.</summary>
internal static class Durations
{
    /// <summary>Returns the shorter one.</summary>
    public static TimeSpan Min(TimeSpan one, TimeSpan other) => one < other ? one : other;

    /// <summary>Returns the longer one.</summary>
    public static TimeSpan Max(TimeSpan one, TimeSpan other) => one > other ? one : other;
}
