using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Threading.Channels;
using GrpcPresence.Core.Domain.Cluster;

namespace GrpcPresence.Cluster.Tests.Fixture;

/// <summary>A node in a process of its own. It ends with the test.</summary>
internal sealed class NodeProcess : IAsyncDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private readonly Process _process;
    private readonly Channel<Line> _lines = System.Threading.Channels.Channel.CreateUnbounded<Line>();
    private readonly List<string> _errors = [];

    private NodeProcess(IPEndPoint address, string[] arguments)
    {
        Address = address;
        var program = Path.Combine(AppContext.BaseDirectory, "GrpcPresence.Cluster.TestNode.dll");
        var start = new ProcessStartInfo("dotnet", ["exec", program, .. arguments])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        _process = Process.Start(start)!;
        _process.OutputDataReceived += (_, line) =>
        {
            if (line.Data is { } text)
                _lines.Writer.TryWrite(new Line(text, Stopwatch.GetTimestamp()));
            else
                _lines.Writer.TryComplete();
        };
        _process.ErrorDataReceived += (_, line) =>
        {
            lock (_errors)
                _errors.Add(line.Data ?? "");
        };
        _process.BeginOutputReadLine();
        _process.BeginErrorReadLine();
    }

    /// <summary>The address and name.</summary>
    public IPEndPoint Address { get; }

    /// <summary>The run, once <see cref="SelfAsync"/> has returned.</summary>
    public NodeId Self { get; private set; }

    /// <summary>What the process has logged.</summary>
    public IReadOnlyList<string> Errors
    {
        get
        {
            lock (_errors)
                return [.. _errors];
        }
    }

    /// <summary>Starts a node.</summary>
    public static NodeProcess Start(string database, IPEndPoint? address = null, string cluster = "test", params string[] tls)
    {
        var at = address ?? TestDatabase.FreeAddress();
        return new NodeProcess(at, [database, cluster, $"{at}", .. tls]);
    }

    /// <summary>Waits until the node says which run it is.</summary>
    public async Task<NodeId> SelfAsync()
    {
        var (text, _) = await NextAsync("self");
        var at = text.LastIndexOf('-');
        Self = new NodeId(text[5..at], long.Parse(text.AsSpan(at + 1), CultureInfo.InvariantCulture));
        return Self;
    }

    /// <summary>Waits for a view with exactly these nodes, and returns when it was seen.</summary>
    public async Task<long> SeesAsync(params NodeProcess[] nodes)
    {
        var expected = nodes.Select(node => $"{node.Self}").Order(StringComparer.Ordinal).ToArray();
        while (true)
        {
            var (text, time) = await NextAsync("view", $"view of {string.Join(' ', expected)}");
            if (text.Split(' ')[2..].Order(StringComparer.Ordinal).SequenceEqual(expected))
                return time;
        }
    }

    /// <summary>Waits for a line that begins so, and skips the others.</summary>
    public async Task<Line> NextAsync(string begin, string? what = null)
    {
        using var timeout = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        timeout.CancelAfter(Patience);
        try
        {
            while (true)
            {
                var line = await _lines.Reader.ReadAsync(timeout.Token);
                if (line.Text.StartsWith(begin, StringComparison.Ordinal))
                    return line;
            }
        }
        catch (Exception exception) when (exception is OperationCanceledException or ChannelClosedException)
        {
            throw new TimeoutException(
                $"Node {Address} did not say '{what ?? begin}' within {Patience.TotalSeconds} s. It logged: {string.Join('\n', Errors)}",
                exception);
        }
    }

    /// <summary>Whether the node has said a line that begins so, among those that are not read yet.</summary>
    public bool HasSaid(string begin)
    {
        while (_lines.Reader.TryRead(out var line))
        {
            if (line.Text.StartsWith(begin, StringComparison.Ordinal))
                return true;
        }
        return false;
    }

    /// <summary>Sends a command.</summary>
    public void Write(string command)
    {
        _process.StandardInput.WriteLine(command);
        _process.StandardInput.Flush();
    }

    /// <summary>Makes the node send a message.</summary>
    public void Send(NodeId to, long number) =>
        Write(string.Create(CultureInfo.InvariantCulture, $"send {to.Name} {to.Incarnation} {number}"));

    /// <summary>Sends a signal, and returns when.</summary>
    public long Signal(string name)
    {
        var time = Stopwatch.GetTimestamp();
        using var kill = Process.Start("kill", [$"-{name}", $"{_process.Id}"]);
        kill.WaitForExit();
        return time;
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
            _process.Kill();
        await _process.WaitForExitAsync(CancellationToken.None);
        _process.Dispose();
    }

    /// <summary>A line of output, and when it was read.</summary>
    internal readonly record struct Line(string Text, long Time);
}
