namespace GrpcPresence.Core.Watching;

/// <summary>
/// How far a watcher has caught up. What holds at any time: every change up to <paramref name="Base"/> was delivered; rows with a revision up to
/// <paramref name="Position"/> were delivered, with their reasons since the base; changes above <paramref name="Target"/> are pending. So what is left to
/// read are the rows in between, and what the sweep names.
/// </summary>
/// <param name="Base">The revision from which reasons count.</param>
/// <param name="Position">The revision up to which rows were read.</param>
/// <param name="Target">The revision up to which rows must be read: later changes are pending already.</param>
/// <param name="SwitchedSince">
/// The start of the earliest on-period that ended since the base; users known since then have lost the values that the client may hold. Null when
/// none ended.
/// </param>
/// <param name="Sweep">What is left of the sweep of a switch; null when there is none.</param>
internal readonly record struct CatchUpPosition(long Base, long Position, long Target, long? SwitchedSince = null, SwitchSweep? Sweep = null)
{
    /// <summary>Whether nothing is left to read.</summary>
    public bool IsDone => Position >= Target && Sweep is null;
}
