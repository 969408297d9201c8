namespace GrpcPresence.Core.Presence;

/// <summary>The end of a session, which counts once both tasks are complete.</summary>
/// <param name="Remembered">Completes when the id of the session is stored.</param>
/// <param name="Offline">Completes when the transition of the user is stored, if it was the last session.</param>
internal readonly record struct SessionEnd(Task Remembered, Task Offline)
{
    /// <summary>The end of a session without a transition, or one that failed.</summary>
    public SessionEnd(Task remembered)
        : this(remembered, Task.CompletedTask)
    {
    }

    /// <summary>
    /// Whether both tasks are complete. This is exact at once: a task that combines both completes later, in the thread pool.
    /// </summary>
    public bool IsCompleted => Remembered.IsCompleted && Offline.IsCompleted;

    /// <summary>The outcome of a complete end.</summary>
    public Task Outcome => Offline.IsCompletedSuccessfully ? Remembered : Offline;

    /// <summary>Completes when both tasks are complete.</summary>
    public Task WhenStored() => Offline.IsCompletedSuccessfully ? Remembered : Task.WhenAll(Offline, Remembered);
}
