namespace GrpcPresence.Core.Watching;

/// <summary>A range of revisions that a feed missed and reads from the store. Guarded by the feed's lock, but for the constants.</summary>
internal sealed class GapRead(long from, long target)
{
    /// <summary>The last revision that the feed has seen.</summary>
    public long From { get; } = from;

    /// <summary>The revision that must be reached.</summary>
    public long Target { get; set; } = target;

    /// <summary>Whether somebody reads it: whoever is given a gap reads it.</summary>
    public bool IsBeingRead { get; set; } = true;
}
