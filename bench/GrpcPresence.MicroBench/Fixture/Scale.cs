namespace GrpcPresence.MicroBench.Fixture;

/// <summary>The number of sessions in the tracker during a measurement.</summary>
internal static class Scale
{
    /// <summary>A small tracker, which fits into the processor's caches.</summary>
    public const int Few = 1_000;

    /// <summary>The number of sessions for which one process is designed.</summary>
    public const int Many = 1_000_000;

    /// <summary>Whether each benchmark runs only once, to check that it works. Set before anything else happens.</summary>
    public static bool IsQuick { get; set; }

    /// <summary>The large number, or the small one if nothing is measured: setting up a million users takes seconds.</summary>
    public static int Sessions => IsQuick ? Few : Many;
}
