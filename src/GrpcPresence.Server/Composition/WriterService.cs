using GrpcPresence.Core.Writing;
using GrpcPresence.Server.Telemetry;

namespace GrpcPresence.Server.Composition;

/// <summary>
/// Runs the writer on its own thread, because its store operations block. When the server stops, queued commands are still written.
/// </summary>
internal sealed class WriterService(
    CommandWriter writer, CommandQueue queue, ServerFault fault, IHostApplicationLifetime lifetime, ILogger<WriterService> logger)
    : IHostedService, IDisposable
{
    private readonly CancellationTokenSource _abandon = new();
    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private Thread? _thread; // null before the start

    /// <inheritdoc/>
    public Task StartAsync(CancellationToken cancellationToken)
    {
        _thread = new Thread(Run) { Name = "change writer", IsBackground = true };
        _thread.Start();
        return Task.CompletedTask;
    }

    /// <inheritdoc/>
    public async Task StopAsync(CancellationToken cancellationToken)
    {
        // A host that failed to start stops all its services, including those that were never started.
        if (_thread is null)
            return;
        queue.Close();
        // The writer retries while the store fails. It must stop when the time for stopping is over.
        await using var overdue = cancellationToken.Register(_abandon.Cancel);
        await _ended.Task;
    }

    /// <summary>
    /// Ends a writer that was not stopped. The container disposes this service before the queue and the store, so the writer never uses
    /// either after its disposal.
    /// </summary>
    public void Dispose()
    {
        queue.Close();
        _abandon.Cancel();
        _thread?.Join();
        _abandon.Dispose();
    }

    private void Run()
    {
        try
        {
            writer.Run(_abandon.Token);
        }
#pragma warning disable CA1031 // the end of the thread: without a writer the server is of no use, and says so before it stops
        catch (Exception exception)
#pragma warning restore CA1031
        {
            fault.Note();
            Log.WriterFaulted(logger, exception);
            lifetime.StopApplication();
        }
        finally
        {
            _ended.SetResult();
        }
    }
}
