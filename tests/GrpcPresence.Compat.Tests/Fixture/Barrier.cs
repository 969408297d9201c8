namespace GrpcPresence.Compat.Tests;

/// <summary>Something that a test waits for.</summary>
/// <param name="what">What happens, as a clause; the failure says that it did not.</param>
internal sealed class Barrier(string what)
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    private readonly TaskCompletionSource _reached = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public void Reach() => _reached.TrySetResult();

    public async Task Wait()
    {
        try
        {
            await _reached.Task.WaitAsync(Patience, TestRun.Token);
        }
        catch (TimeoutException)
        {
            throw new TimeoutException($"It did not happen within {Patience.TotalSeconds} s that {what}.");
        }
    }
}
