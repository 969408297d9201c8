namespace GrpcPresence.Client.Tests.Fixture;

/// <summary>Waits for what a test expects, and reports what did not happen.</summary>
internal static class Barrier
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    /// <summary>Waits for a task.</summary>
    /// <param name="task">The task.</param>
    /// <param name="what">What happens, as a clause.</param>
    public static async Task Within(Task task, string what)
    {
        try
        {
            await task.WaitAsync(Patience, TestContext.Current.CancellationToken);
        }
        catch (TimeoutException)
        {
            throw new TimeoutException($"It did not happen within {Patience.TotalSeconds} s that {what}.");
        }
    }

    /// <summary>Waits for a task, and returns its result.</summary>
    public static async Task<T> Within<T>(Task<T> task, string what)
    {
        await Within((Task)task, what);
        return await task;
    }
}
