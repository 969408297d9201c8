using System.Collections.Concurrent;
using System.Diagnostics;
using Grpc.Core;
using Grpc.Net.Client.Web;
using GrpcPresence.Core.Domain;
using GrpcPresence.Server.Tests.Fixture;
using GrpcPresence.V1;

namespace GrpcPresence.Server.Tests.Hostile;

/// <summary>
/// Sends hostile requests, in rounds with separate data, and records what the tests check. To send more:
/// <c>PRESENCE_HOSTILE_REQUESTS=1000000 dotnet test --project tests/GrpcPresence.Server.Tests</c>.
/// </summary>
public sealed class HostileRequestRun : IAsyncLifetime
{
    private const int Rounds = 8;
    private const int WarmUpRounds = 2;
    private const int MostPerRound = 20_000;
    private const int Parallel = 16;

    private readonly ConcurrentQueue<string> _objections = [];
    private readonly ConcurrentDictionary<string, (int Answered, int Rejected)> _calls = [];

    /// <summary>The number of requests.</summary>
    public static int Requests =>
        int.TryParse(Environment.GetEnvironmentVariable("PRESENCE_HOSTILE_REQUESTS"), out var requests) ? requests : 20_000;

    /// <summary>Undocumented statuses and invalid answers.</summary>
    public IReadOnlyCollection<string> Objections => _objections;

    /// <summary>The log entries of the run.</summary>
    public List<string> Logged { get; } = [];

    /// <summary>Users that no accepted request can have created.</summary>
    public List<string> Intruders { get; } = [];

    /// <summary>The largest number of sessions of a user.</summary>
    public int MostSessions { get; private set; }

    /// <summary>The live bytes after the warm-up, with nothing stored.</summary>
    public long HeapAfterWarmUp { get; private set; }

    /// <summary>The live bytes at the end, with nothing stored.</summary>
    public long HeapAtEnd { get; private set; }

    /// <summary>How often each method accepted and rejected a request.</summary>
    public IReadOnlyDictionary<string, (int Answered, int Rejected)> Calls => _calls;

    /// <summary>The duration of the run.</summary>
    public TimeSpan Duration { get; private set; }

    /// <inheritdoc/>
    public async ValueTask InitializeAsync()
    {
        await using var hostile = await HostileServer.StartAsync();
        var began = Stopwatch.GetTimestamp();
        hostile.Server.Log.Clear();
        var perRound = Math.Min(MostPerRound, Requests / Rounds);
        for (var first = 0; first < Requests; first += perRound)
        {
            await RunRoundAsync(hostile, first, perRound);
            await hostile.ClearAsync();
            CollectLog(hostile.Server.Log);
            if (first / perRound == WarmUpRounds - 1)
                HeapAfterWarmUp = Heap.LiveBytes();
        }
        HeapAtEnd = Heap.LiveBytes();
        Duration = Stopwatch.GetElapsedTime(began);
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    // The heap is measured after each round, so the recorded log must not grow from round to round.
    private void CollectLog(LogRecorder log)
    {
        Logged.AddRange(
            log.Entries.Where(entry => !entry.Category.EndsWith("AuditLog", StringComparison.Ordinal)).Select(entry => entry.ToString()));
        log.Clear();
    }

    private async Task RunRoundAsync(HostileServer hostile, int first, int count)
    {
        var known = await hostile.BeginRoundAsync();
        var named = new NamedUsers();
        for (var i = 0; i < KnownValues.Users; i++)
            named.Add(KnownValues.Identity(i));
        var options = new ParallelOptions { MaxDegreeOfParallelism = Parallel, CancellationToken = TestRun.Token };
        await System.Threading.Tasks.Parallel.ForAsync(
            first, first + count, options, async (number, _) => await SendAsync(hostile.Server, HostileRequest.Make(number, known), named));
        await OverfillAsync(hostile.Server);
        await LookAtUsersAsync(hostile.Server, named);
    }

    // A stream of requests has its own connection. When the server ends such a stream while the client writes, .NET's client can send the
    // data after it has reset the stream (dotnet/runtime#1510). Kestrel then closes the connection, and all other calls on it would fail.
    private async Task SendAsync(TestServer server, HostileRequest request, NamedUsers named)
    {
        try
        {
            using var ownChannel = request.Method.IsClientStreaming ? server.OpenChannel() : null;
            var invoker = ownChannel?.CreateCallInvoker() ?? InvokerOf(server, request);
            var outcome = await HostileCall.RunAsync(invoker, request.Method, request.Messages);
            var objection = request.Method.IsClientStreaming
                ? StreamOracle.Objection(request.Method, request.Messages, outcome)
                : StatusOracle.Objection(request.Method, request.Messages[0], outcome);
            if (objection is not null)
                _objections.Enqueue($"{objection}: {request}");
            named.Add(request.Method, request.Messages, outcome);
            var (answered, rejected) = outcome.Error is null ? (1, 0) : (0, 1);
            _calls.AddOrUpdate(
                request.Method.FullName, (answered, rejected), (_, calls) => (calls.Answered + answered, calls.Rejected + rejected));
        }
        catch (Exception exception) when (exception is not OperationCanceledException)
        {
            _objections.Enqueue($"{exception}: {request}");
        }
    }

    // Two of ten use gRPC-Web, which does not support streams of requests.
    private static CallInvoker InvokerOf(TestServer server, HostileRequest request) => (request.Number % 10) switch
    {
        0 => server.WebInvoker(),
        1 => server.WebInvoker(GrpcWebMode.GrpcWebText),
        _ => server.Invoker,
    };

    // Leases are short here, so that a user does not exceed the session limit by chance.
    private static async Task OverfillAsync(TestServer server)
    {
        using var stream = await HeartbeatStream.OpenAsync(server, KnownValues.Service);
        await stream.BeatAsync([.. Enumerable.Range(0, Limits.BeatsPerMessage).Select(i => (KnownValues.Identity(0), $"last-{i}"))]);
    }

    private async Task LookAtUsersAsync(TestServer server, NamedUsers named)
    {
        var request = new ListUsersRequest
        {
            ServiceSid = KnownValues.Service,
            PageSize = Limits.MaxPageSize,
            View = UserView.Reachability,
        };
        do
        {
            var page = await server.Users.ListUsersAsync(request);
            foreach (var user in page.Users)
            {
                if (!named.Contains(user.Identity))
                    Intruders.Add($"{user}");
                var sessions = await server.Users.ListSessionsAsync(
                    new ListSessionsRequest { ServiceSid = KnownValues.Service, UserKey = user.Sid });
                MostSessions = Math.Max(MostSessions, sessions.Sessions.Count);
            }
            request.PageToken = page.NextPageToken;
        }
        while (request.PageToken.Length > 0);
    }
}
