using System.Collections.Concurrent;
using System.Diagnostics;
using Grpc.Core;
using Grpc.Health.V1;
using GrpcPresence.Server.Tests.Fixture;

namespace GrpcPresence.Server.Tests.Hostile.Http2;

/// <summary>
/// Runs hostile conversations over raw connections, one for some hostile requests, while a canary calls over its own connection.
/// </summary>
public sealed class HostileConnectionRun : IAsyncLifetime
{
    private const int RequestsPerConnection = 8;
    private const int WarmUpPart = 4;
    private const int Parallel = 8;
    private const int CanaryEvery = 20;
    private const int FloodEvery = 50;

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    private static readonly Func<Random, Conversation>[] Kinds = [.. BrokenConnections.All, .. HostileHeaders.All, .. HostileMessages.All];

    private readonly ConcurrentQueue<string> _objections = [];

    /// <summary>The number of connections.</summary>
    public static int Connections => HostileRequestRun.Requests / RequestsPerConnection;

    /// <summary>Invalid answers, and connections that did not end.</summary>
    public IReadOnlyCollection<string> Objections => _objections;

    /// <summary>The log entries of the run.</summary>
    public IReadOnlyList<string> Logged { get; private set; } = [];

    /// <summary>The longest time that the canary waited for an answer.</summary>
    public TimeSpan SlowestCanary { get; private set; }

    /// <summary>The live bytes after the warm-up.</summary>
    public long HeapAfterWarmUp { get; private set; }

    /// <summary>The live bytes at the end.</summary>
    public long HeapAtEnd { get; private set; }

    /// <summary>The duration of the run.</summary>
    public TimeSpan Duration { get; private set; }

    /// <inheritdoc/>
    public async ValueTask InitializeAsync()
    {
        await using var server = await TestServer.StartAsync();
        await AskAsync(server);
        var began = Stopwatch.GetTimestamp();
        var logged = server.Log.Entries.Count;
        await TalkAsync(server, 0, Connections / WarmUpPart);
        HeapAfterWarmUp = Heap.LiveBytes();
        await TalkAsync(server, Connections / WarmUpPart, Connections);
        HeapAtEnd = Heap.LiveBytes();
        Duration = Stopwatch.GetElapsedTime(began);
        Logged =
        [
            .. server.Log.Entries.Skip(logged)
                .Where(entry => !entry.Category.EndsWith("AuditLog", StringComparison.Ordinal))
                .Select(entry => entry.ToString()),
        ];
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    private async Task TalkAsync(TestServer server, int first, int end)
    {
        var options = new ParallelOptions { MaxDegreeOfParallelism = Parallel, CancellationToken = TestRun.Token };
        await System.Threading.Tasks.Parallel.ForAsync(first, end, options, async (number, _) => await TalkAsync(server, number));
    }

    private async Task TalkAsync(TestServer server, int number)
    {
        var random = new Random(number);
        var conversation = number % FloodEvery == 0
            ? Floods.All[number / FloodEvery % Floods.All.Count](random)
            : Kinds[number % Kinds.Length](random);
        try
        {
            var answers = await RawConnection.TalkAsync(server.Address, conversation);
            if (ConnectionOracle.Objection(conversation, answers) is { } objection)
                _objections.Enqueue($"{objection}: case {number}, {conversation}");
            if (number % CanaryEvery == 0)
                await AskAsync(server);
        }
        catch (Exception exception) when (exception is not OperationCanceledException)
        {
            _objections.Enqueue($"{exception}: case {number}, {conversation}");
        }
    }

    /// <summary>Makes a call of an innocent client.</summary>
    private async Task AskAsync(TestServer server)
    {
        var began = Stopwatch.GetTimestamp();
        var client = new global::Grpc.Health.V1.Health.HealthClient(server.Invoker);
        await client.CheckAsync(new HealthCheckRequest(), new CallOptions(deadline: DateTime.UtcNow + Patience));
        var took = Stopwatch.GetElapsedTime(began);
        lock (_objections)
            SlowestCanary = took > SlowestCanary ? took : SlowestCanary;
    }
}
