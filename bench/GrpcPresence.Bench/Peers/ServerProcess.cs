using System.Collections.Concurrent;
using System.Diagnostics;
using GrpcPresence.Bench.Machine;

namespace GrpcPresence.Bench.Peers;

/// <summary>A server under test: a separate process on its own core.</summary>
internal sealed class ServerProcess : IDisposable
{
    private static readonly TimeSpan StartLimit = TimeSpan.FromSeconds(60);

    private readonly Process _process;
    private readonly BlockingCollection<string> _lines = [];
    private int _lineCount;

    private ServerProcess(Process process)
    {
        _process = process;
        process.OutputDataReceived += Keep;
        process.ErrorDataReceived += Keep;
    }

    /// <summary>The present resource usage of the process.</summary>
    public ProcessUsage Usage => ProcessUsage.Of(_process.Id);

    /// <summary>The number of lines that the process has printed.</summary>
    public int LineCount => Volatile.Read(ref _lineCount);

    /// <summary>Starts a program on the servers' core.</summary>
    public static ServerProcess Start(string program, params IEnumerable<string> arguments) =>
        Start(Cores.Pinned(Cores.Servers, program, arguments));

    /// <summary>Starts this program on the servers' core.</summary>
    public static ServerProcess StartSelf(params IEnumerable<string> arguments) => Start(Cores.PinnedSelf(Cores.Servers, arguments));

    /// <summary>Starts this program on the core of the load, as a client.</summary>
    public static ServerProcess StartSelfOnLoadCore(params IEnumerable<string> arguments) =>
        Start(Cores.PinnedSelf(Cores.Load, arguments));

    /// <summary>Waits for a line of output that contains the text.</summary>
    /// <exception cref="TimeoutException">No such line came. The message has the last lines.</exception>
    public string WaitForLine(string text)
    {
        var seen = new Queue<string>();
        var began = Stopwatch.GetTimestamp();
        while (Stopwatch.GetElapsedTime(began) < StartLimit && !(_process.HasExited && _lines.Count == 0))
        {
            if (!_lines.TryTake(out var line, TimeSpan.FromMilliseconds(100)))
                continue;
            if (line.Contains(text, StringComparison.Ordinal))
                return line;
            seen.Enqueue(line);
            if (seen.Count > 20)
                seen.Dequeue();
        }
        throw new TimeoutException($"'{_process.StartInfo.Arguments}' did not print '{text}':\n{string.Join('\n', seen)}");
    }

    /// <summary>Sends a line to the standard input of the process.</summary>
    public void SendLine(string line) => _process.StandardInput.WriteLine(line);

    /// <summary>Returns the memory after a compacting collection. Only for processes that accept the commands of <c>Serve/</c>.</summary>
    public long CompactedBytes()
    {
        SendLine("collect");
        WaitForLine("collected");
        return Usage.ResidentBytes;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (!_process.HasExited)
            _process.Kill();
        _process.WaitForExit();
        _process.Dispose();
        _lines.Dispose();
    }

    private static ServerProcess Start(ProcessStartInfo start)
    {
        start.RedirectStandardInput = true;
        start.RedirectStandardOutput = true;
        start.RedirectStandardError = true;
        var server = new ServerProcess(Process.Start(start)!);
        server._process.BeginOutputReadLine();
        server._process.BeginErrorReadLine();
        return server;
    }

    private void Keep(object sender, DataReceivedEventArgs received)
    {
        if (received.Data is not { } line || _lines.IsAddingCompleted)
            return;
        Interlocked.Increment(ref _lineCount);
        _lines.Add(line);
    }
}
