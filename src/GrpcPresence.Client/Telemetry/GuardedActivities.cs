using System.Diagnostics;

namespace GrpcPresence.Client.Telemetry;

/// <summary>
/// Starts and stops activities, unless that fails: the listeners of an activity source are code of the program, which must end neither
/// sessions nor watches.
/// </summary>
internal static class GuardedActivities
{
    private static readonly ActivitySource Source = new(ClientTelemetry.Name);

    /// <summary>Starts an activity. Null if nothing listens, or a listener failed.</summary>
    public static Activity? Start(string name)
    {
        var current = Activity.Current;
        try
        {
            return Source.StartActivity(name, ActivityKind.Client);
        }
        catch (Exception)
        {
            // The activity may have become the current one before the listener failed.
            Activity.Current = current;
            return null;
        }
    }

    /// <summary>Stops an activity, if there is one.</summary>
    public static void TryStop(this Activity? activity)
    {
        try
        {
            activity?.Dispose();
        }
        catch (Exception)
        {
            // The listener failed before the parent became the current activity again.
            if (Activity.Current == activity)
                Activity.Current = activity?.Parent;
        }
    }
}
