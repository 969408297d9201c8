namespace GrpcPresence.Client.Telemetry;

/// <summary>
/// Counts, unless that fails: the listeners of a meter are code of the program, which must end neither sessions nor watches.
/// </summary>
internal sealed class GuardedCounter(GuardedCounter.Adder add)
{
    /// <summary>Adds to an instrument.</summary>
    public delegate void Adder(long delta, ReadOnlySpan<KeyValuePair<string, object?>> tags);

    /// <summary>Adds to the instrument.</summary>
    public void Add(long delta, params ReadOnlySpan<KeyValuePair<string, object?>> tags)
    {
        try
        {
            add(delta, tags);
        }
        catch (Exception)
        {
            // A listener of the program failed.
        }
    }
}
