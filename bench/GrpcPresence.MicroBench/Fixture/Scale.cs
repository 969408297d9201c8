namespace GrpcPresence.MicroBench.Fixture;

/// <summary>How many sessions the tracker holds while it is measured.</summary>
internal static class Scale
{
    /// <summary>A small tracker, all of which stays in the processor's caches.</summary>
    public const int Few = 1_000;

    /// <summary>What one process is made for.</summary>
    public const int Many = 1_000_000;

    /// <summary>Whether each benchmark is only run once, to see that it runs. Set before anything else happens.</summary>
    public static bool IsQuick { get; set; }

    /// <summary>The large number, or the small one where nothing is measured: a million users take seconds to set up.</summary>
    public static int Sessions => IsQuick ? Few : Many;
}
