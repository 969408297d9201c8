using System.Diagnostics;
using System.Diagnostics.Metrics;
using System.Globalization;
using GrpcPresence.Bench.Load;
using GrpcPresence.Client;

namespace GrpcPresence.Bench.Serve;

/// <summary>
/// Keeps sessions alive with the client library, as a gateway does. The first line of its input is an API key, SID:secret. It writes
/// <c>holding BYTES</c> when the sessions have started, with the managed memory of one, and answers each further line:
/// <list type="bullet">
/// <item><c>count</c> with <c>counted HEARTBEATS STREAMS</c> so far.</item>
/// <item><c>end</c> with <c>ended MILLISECONDS ENDS</c>: how long the disposal of the client took, and how many ends the server has
/// accepted by then.</item>
/// <item><c>start</c> with <c>holding BYTES</c>, of another client.</item>
/// </list>
/// The process ends with its input.
/// </summary>
internal sealed class HoldSessionsCommand : IDisposable
{
    /// <summary>The kind of credentials: the API key itself, or an access token for each user, which it signs.</summary>
    public const string WithKey = "key", WithTokens = "tokens";

    private readonly MeterListener _listener = new()
    {
        InstrumentPublished = static (instrument, listener) =>
        {
            if (instrument.Name is "presence.client.heartbeats" or "presence.client.connections" or "presence.client.ends")
                listener.EnableMeasurementEvents(instrument);
        },
    };

    private readonly Func<PresenceClientOptions> _newOptions;
    private readonly int _count;
    private long _heartbeats;
    private long _streams;
    private long _ends;
    private PresenceClient _client = null!;
    private (IPresenceSession Session, Task<SessionEnd> Ended)[] _sessions = [];

    private HoldSessionsCommand(Func<PresenceClientOptions> newOptions, int count)
    {
        (_newOptions, _count) = (newOptions, count);
        _listener.SetMeasurementEventCallback<long>((instrument, value, tags, _) => Count(instrument.Name, value, tags));
        _listener.Start();
    }

    /// <summary>Runs until the input ends.</summary>
    /// <param name="arguments">The address, the service instance, the number of sessions, and the kind of credentials.</param>
    public static async Task<int> RunAsync(IReadOnlyList<string> arguments)
    {
        var (address, service) = (new Uri(arguments[0]), arguments[1]);
        var key = Console.In.ReadLine()!.Split(':');
        var credentials = arguments[3] == WithKey
            ? PresenceCredentials.ApiKey(key[0], key[1])
            : PresenceCredentials.AccessToken((identity, _) => Task.FromResult(AccessTokens.Create(key[0], key[1], service, identity)));
        using var command = new HoldSessionsCommand(
            () => new PresenceClientOptions { Address = address, ServiceSid = service, Credentials = credentials },
            int.Parse(arguments[2], CultureInfo.InvariantCulture));
        await command.StartAsync();
        while (await Task.Run(Console.In.ReadLine) is { } line)
            await command.AnswerAsync(line);
        Environment.Exit(0); // without ending the sessions
        return 0;
    }

    public void Dispose() => _listener.Dispose();

    private void Count(string instrument, long value, ReadOnlySpan<KeyValuePair<string, object?>> tags)
    {
        if (instrument == "presence.client.heartbeats")
            Interlocked.Add(ref _heartbeats, value);
        else if (instrument == "presence.client.connections")
            Interlocked.Add(ref _streams, value);
        else if (tags.Contains(new("outcome", "accepted")))
            Interlocked.Add(ref _ends, value);
    }

    private async Task AnswerAsync(string line)
    {
        switch (line)
        {
            case "start":
                await StartAsync();
                break;
            case "end":
                await EndAsync();
                break;
            default:
                if (_sessions.FirstOrDefault(session => session.Ended.IsCompleted).Ended is { } ended)
                    throw new InvalidDataException($"A session ended: {await ended}");
                Say($"counted {Interlocked.Read(ref _heartbeats)} {Interlocked.Read(ref _streams)}");
                break;
        }
    }

    private async Task StartAsync()
    {
        _client = PresenceClient.Create(_newOptions());
        // What a process needs once, for any number of sessions, does not count.
        await using (await _client.StartSessionAsync("first"))
        {
        }
        (_heartbeats, _streams) = (0, 0);
        var before = GC.GetTotalMemory(forceFullCollection: true);
        // A gateway keeps its sessions, and waits for their ends.
        var sessions = new (IPresenceSession Session, Task<SessionEnd> Ended)[_count];
        for (var from = 0; from < _count; from += 1000)
        {
            var started = await Task.WhenAll(
                Enumerable.Range(from, Math.Min(1000, _count - from)).Select(i => _client.StartSessionAsync($"client-user-{i:D5}")));
            for (var i = 0; i < started.Length; i++)
                sessions[from + i] = (started[i], started[i].Ended);
        }
        _sessions = sessions;
        Say($"holding {(GC.GetTotalMemory(forceFullCollection: true) - before) / _count}");
    }

    private async Task EndAsync()
    {
        _ends = 0;
        var began = Stopwatch.GetTimestamp();
        await _client.DisposeAsync();
        var took = Stopwatch.GetElapsedTime(began).TotalMilliseconds;
        Say($"ended {took:0} {Interlocked.Read(ref _ends)}");
        _sessions = [];
    }

    private static void Say(FormattableString line) => Console.WriteLine(line.ToString(CultureInfo.InvariantCulture));
}
