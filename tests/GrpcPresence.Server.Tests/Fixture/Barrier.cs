namespace GrpcPresence.Server.Tests.Fixture;

/// <summary>An event that a test waits for.</summary>
/// <param name="what">What happens, as a clause. The failure message says that it did not happen.</param>
internal sealed class Barrier(string what)
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    private readonly TaskCompletionSource _reached = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public void Reach() => _reached.TrySetResult();

    public Task Wait() => Within(_reached.Task, what);

    /// <summary>Waits for a task, and reports what did not happen.</summary>
    public static async Task Within(Task task, string what)
    {
        try
        {
            await task.WaitAsync(Patience, TestRun.Token);
        }
        catch (TimeoutException)
        {
            throw new TimeoutException($"It did not happen within {Patience.TotalSeconds} s that {what}.");
        }
    }
}
