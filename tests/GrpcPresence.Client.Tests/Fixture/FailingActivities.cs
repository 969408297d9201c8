using System.Diagnostics;

namespace GrpcPresence.Client.Tests.Fixture;

/// <summary>A listener of the client's activity source that fails. Each client of the process meets it.</summary>
internal sealed class FailingActivities : IDisposable
{
    private readonly ActivityListener _listener;
    private volatile bool _hasFailed;

    /// <param name="when">The call that fails: sampled, started or stopped.</param>
    public FailingActivities(string when)
    {
        _listener = new ActivityListener
        {
            ShouldListenTo = source => source.Name == "GrpcPresence.Client",
            Sample = (ref _) =>
            {
                FailIf(when == "sampled");
                return ActivitySamplingResult.AllData;
            },
            ActivityStarted = _ => FailIf(when == "started"),
            ActivityStopped = _ => FailIf(when == "stopped"),
        };
        ActivitySource.AddActivityListener(_listener);
    }

    /// <summary>Whether the call was made.</summary>
    public bool HasFailed => _hasFailed;

    public void Dispose() => _listener.Dispose();

    private void FailIf(bool isFailing)
    {
        if (!isFailing)
            return;
        _hasFailed = true;
        throw new InvalidOperationException("The listener of the test fails.");
    }
}
