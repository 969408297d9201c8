namespace GrpcPresence.Client.Tests.Fixture;

/// <summary>Code of the program that blocks its thread until the test lets it go on.</summary>
internal sealed class SlowCode : IDisposable
{
    private readonly TaskCompletionSource _begun = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly ManualResetEventSlim _end = new();

    /// <summary>Completes when the code runs.</summary>
    public Task Begun => _begun.Task;

    /// <summary>Blocks.</summary>
    public void Run()
    {
        _begun.TrySetResult();
        _end.Wait(TestContext.Current.CancellationToken);
    }

    /// <summary>Lets the code go on.</summary>
    public void End() => _end.Set();

    public void Dispose()
    {
        _end.Set();
        // Not disposed of: the code may still be about to leave it.
    }
}
