using GrpcPresence.Core.Writing;
using GrpcPresence.Server.Telemetry;

namespace GrpcPresence.Server.Composition;

/// <summary>Gives the writer its own thread, because everything that it does with the store blocks. What is queued when the server stops is still written.</summary>
internal sealed class WriterService(
    CommandWriter writer, CommandQueue queue, IHostApplicationLifetime lifetime, ILogger<WriterService> logger) : IHostedService, IDisposable
{
    private readonly CancellationTokenSource _abandon = new();
    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private Thread? _thread; // null before the start
    private volatile bool _hasFailed;

    /// <summary>Whether a fault of the program ended the writer, and so the server.</summary>
    public bool HasFailed => _hasFailed;

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
        // A host that could not start stops all its services, also those whose turn had not come.
        if (_thread is null)
            return;
        queue.Close();
        // A store that fails would keep the writer trying; it stops when the time for stopping is over.
        await using var overdue = cancellationToken.Register(_abandon.Cancel);
        await _ended.Task;
    }

    /// <summary>
    /// Ends a writer that was not stopped. The container disposes of this service before the queue and the store, so the writer never uses
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
            _hasFailed = true;
            Log.WriterFaulted(logger, exception);
            lifetime.StopApplication();
        }
        finally
        {
            _ended.SetResult();
        }
    }
}
