namespace GrpcPresence.Core.Threading;

/// <summary>
/// Decides where asynchronous code starts and continues: on the thread pool, or where the owner runs it. A simulation runs it on its own
/// thread, so that a history always runs in the same order.
/// </summary>
/// <param name="resume">Takes what starts or continues, and runs it later on one thread; null for the thread pool.</param>
internal sealed class Resumption(Action<Action>? resume)
{
    /// <summary>Starts what runs on its own.</summary>
    public Task Start(Func<Task> run) => resume is null ? Task.Run(run, CancellationToken.None) : StartLaterAsync(resume, run);

    /// <summary>Returns a new event, whose waiter continues there.</summary>
    public AsyncAutoResetEvent CreateEvent() => resume is null ? new AsyncAutoResetEvent() : new ResumedEvent(resume);

    /// <summary>Returns a task with the outcome of the given one, whose waiter continues there.</summary>
    public Task After(Task task) => resume is null || task.IsCompleted ? task : WaitAsync(resume, task);

    private static async Task StartLaterAsync(Action<Action> resume, Func<Task> run)
    {
        var started = new TaskCompletionSource();
        resume(started.SetResult);
        await started.Task.ConfigureAwait(false);
        await run().ConfigureAwait(false);
    }

    private static async Task WaitAsync(Action<Action> resume, Task task)
    {
        var ended = new TaskCompletionSource();
        _ = task.ContinueWith(
            _ => resume(ended.SetResult), CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, InPlace.Instance);
        await ended.Task.ConfigureAwait(false);
        await task.ConfigureAwait(false);
    }

    private sealed class ResumedEvent(Action<Action> resume) : AsyncAutoResetEvent(isResumed: true)
    {
        protected override Action<Action> Resume => resume;
    }

    /// <summary>Runs a continuation on the thread that completes the task, even if it were to run on the thread pool.</summary>
    private sealed class InPlace : TaskScheduler
    {
        public static InPlace Instance { get; } = new();

        protected override void QueueTask(Task task) => TryExecuteTask(task);

        protected override bool TryExecuteTaskInline(Task task, bool taskWasPreviouslyQueued) => TryExecuteTask(task);

        protected override IEnumerable<Task> GetScheduledTasks() => [];
    }
}
