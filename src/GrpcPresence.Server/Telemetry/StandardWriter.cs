using System.Collections.Concurrent;
using System.Text;
using GrpcPresence.Core.Domain;

namespace GrpcPresence.Server.Telemetry;

/// <summary>
/// Writes to standard output or standard error. A command waits until its text is written, and fails when that fails. A server must not:
/// after <see cref="StopWaiting"/>, a thread of its own writes the text, and text that it cannot write in time is dropped and counted. A
/// pipe that nobody reads, or a full disk, would otherwise block every thread that logs. Safe from any thread.
/// </summary>
/// <param name="write">Writes bytes, and waits until they are written. Throws an <see cref="IOException"/> if they cannot be.</param>
internal sealed class StandardWriter(Action<byte[]> write) : TextWriter
{
    /// <summary>
    /// The maximum number of texts that wait to be written. It is more than a burst of log entries, and takes a few megabytes at most.
    /// </summary>
    private const int Capacity = 2_500;

    /// <summary>
    /// How long the end of the program waits for the last texts. A pipe that nobody reads prolongs every stop by this time.
    /// </summary>
    private static readonly TimeSpan FlushTimeout = TimeSpan.FromMilliseconds(500);

    // Guards the stream while callers wait. Afterwards only the thread writes.
    private readonly Lock _gate = new();
    private BlockingCollection<string>? _waiting; // null while callers wait
    private Thread? _thread;
    private long _dropped;

    /// <summary>The number of texts that were not written. A text is a log entry, or a line.</summary>
    public long Dropped => Volatile.Read(ref _dropped);

    /// <inheritdoc/>
    public override Encoding Encoding => Encoding.UTF8;

    /// <summary>From now on, no caller waits or receives an exception. Called once.</summary>
    public void StopWaiting()
    {
        var waiting = new BlockingCollection<string>(Capacity);
        // A write that never returns must not keep the process alive.
        _thread = new Thread(() => WriteAll(waiting)) { Name = "standard output", IsBackground = true };
        _thread.Start();
        lock (_gate)
            _waiting = waiting;
    }

    /// <inheritdoc/>
    public override void Write(char value) => Write(value.ToString());

    /// <inheritdoc/>
    public override void Write(char[] buffer, int index, int count) => Write(new string(buffer, index, count));

    /// <inheritdoc/>
    public override void Write(string? value)
    {
        if (string.IsNullOrEmpty(value))
            return;
        lock (_gate)
        {
            if (_waiting is null)
                WriteUnlessClosed(value);
            else if (_waiting.IsAddingCompleted || !_waiting.TryAdd(value))
                Interlocked.Increment(ref _dropped);
        }
    }

    /// <inheritdoc/>
    public override void WriteLine(string? value) => Write(value + NewLine);

    /// <inheritdoc/>
    public override Task WriteAsync(string? value)
    {
        Write(value);
        return Task.CompletedTask;
    }

    /// <inheritdoc/>
    public override Task WriteLineAsync(string? value) => WriteAsync(value + NewLine);

    /// <inheritdoc/>
    public override Task WriteLineAsync() => WriteAsync(NewLine);

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            lock (_gate)
                _waiting?.CompleteAdding();
            _thread?.Join(FlushTimeout);
        }
        base.Dispose(disposing);
    }

    private void WriteAll(BlockingCollection<string> waiting)
    {
        foreach (var text in waiting.GetConsumingEnumerable())
        {
            try
            {
                WriteNow(text);
            }
            catch (IOException)
            {
                // A full disk, or a reader that is gone. The next text may fit again.
                Interlocked.Increment(ref _dropped);
            }
        }
    }

    // The reader of a command's output may stop when it has seen enough, as head does.
    private void WriteUnlessClosed(string text)
    {
        try
        {
            WriteNow(text);
        }
        catch (IOException exception) when (exception.HResult == StandardDescriptor.BrokenPipe)
        {
            // Nobody is left to read the text.
        }
    }

    private void WriteNow(string text) => write(Encoding.UTF8.GetBytes(VisibleText.OfOutput(text)));
}
