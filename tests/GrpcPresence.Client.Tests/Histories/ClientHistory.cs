using System.Buffers.Text;
using System.Text;
using Grpc.Core;
using GrpcPresence.Client.Tests.Fixture;
using GrpcPresence.V1;

namespace GrpcPresence.Client.Tests.Histories;

/// <summary>
/// One random history. At its end the client must know what the server knows. Its sessions must live until they are disposed of or the
/// server has ended them, and be over afterwards. Half of the clients have access tokens, and so a stream for each user. The sessions of
/// half of the clients end with their connection.
/// </summary>
internal sealed class ClientHistory(int seed)
{
    private static readonly string[] Permanent = ["root-1", "root-2", "root-3"];
    private static readonly string[] Names = ["ada", "bob", "cay", "dan", "root-1", "root-2"];

    private static readonly TimeSpan TokenLifetime = TimeSpan.FromSeconds(50);

    private readonly bool _usesTokens = seed / 2 % 2 == 1;
    private readonly bool _endsOnDisconnect = seed / 4 % 2 == 1;
    private readonly Random _random = new(seed);
    private readonly List<string> _steps = [];
    private readonly List<IPresenceSession> _sessions = [];
    private readonly HashSet<IPresenceSession> _disposed = [];
    private readonly ManualClock _clock = new() { EndsShortWaits = true };
    private int _tokens;
    private PresenceServer _server = null!;
    private Network _network = null!;
    private PresenceClient _client = null!;

    /// <summary>What was done.</summary>
    public IReadOnlyList<string> Steps => _steps;

    private string Service => _server.ServiceSid;

    /// <summary>Runs the history.</summary>
    public async Task RunAsync(int length)
    {
        await using var server = _server = await PresenceServer.StartAsync();
        foreach (var identity in Permanent)
            await server.CreateUserAsync(Service, identity);
        _network = server.NewNetwork();
        var options = TestClient.Options(Service, _network, _clock);
        options.EndSessionsOnDisconnect = _endsOnDisconnect;
        if (_usesTokens)
            (options.Identity, options.Credentials) = ("watcher", PresenceCredentials.AccessToken((_, _) => Task.FromResult(Token())));
        await using var client = _client = PresenceClient.Create(options);
        await using var everybody = await ObservedWatch.OpenAsync(client, permanent: Permanent);
        await using var some = await ObservedWatch.OpenAsync(client, WatchOptions.For("ada", "bob", "root-1"), ["root-1"]);
        for (var step = 0; step < length; step++)
            await DoAsync();
        await SettleAsync();
        var truth = await server.ReadUsersAsync(Service);
        await everybody.ConvergeAsync(truth);
        await some.ConvergeAsync(truth.Where(user => user.Key is "ada" or "bob" or "root-1").ToDictionary());
    }

    private async Task DoAsync()
    {
        var name = Names[_random.Next(Names.Length)];
        var (step, act) = _random.Next(30) switch
        {
            < 5 => ($"start {name}", StartAsync(name)),
            < 8 => ("dispose", DisposeAsync()),
            < 11 => ($"beat {name}", Try(() => _server.BeatAsync(Service, name))),
            < 13 => ($"end {name}", Try(() => _server.EndAsync(Service, name))),
            < 15 => ($"create {name}", Try(() => _server.CreateUserAsync(Service, name))),
            < 18 => ($"rename {name}", Try(() => _server.RenameAsync(Service, name, $"name {_random.Next(9)}"))),
            < 20 when !Permanent.Contains(name) => ($"delete {name}", Try(() => _server.DeleteUserAsync(Service, name))),
            < 21 => ("switch", SwitchAsync()),
            < 22 => ("back up", BackUpAsync()),
            < 24 => Cut(),
            < 26 => Break(),
            < 27 => ("kill", _server.KillAsync()),
            < 28 => ("drain", _server.DrainAsync()),
            < 29 => ("restore", _server.RestoreAsync()),
            _ => ("nothing", Task.CompletedTask),
        };
        _steps.Add(step);
        await Barrier.Within(act, $"the step was done: {step}");
    }

    private async Task StartAsync(string name) => _sessions.Add(await _client.StartSessionAsync(name));

    // Beside other steps the server may be away, and a session may end later. At the end of the history all of them must be over.
    private async Task DisposeAsync()
    {
        if (_sessions.Count == 0)
            return;
        var session = _sessions[_random.Next(_sessions.Count)];
        _disposed.Add(session);
        await session.DisposeAsync();
    }

    private Task SwitchAsync() => _server.SwitchAsync(Service, on: _random.Next(3) > 0);

    private Task BackUpAsync()
    {
        _server.BackUp();
        return Task.CompletedTask;
    }

    private (string Step, Task Act) Cut()
    {
        var bytes = _random.Next(1500);
        _network.CutNext(bytes);
        _network.Break();
        return ($"cut the next connection at {bytes}", Task.CompletedTask);
    }

    private (string Step, Task Act) Break()
    {
        _network.Break();
        return ("break", Task.CompletedTask);
    }

    private async Task SettleAsync()
    {
        await RequireLiveSessionsAsync();
        foreach (var session in _sessions)
            await session.DisposeAsync();
        foreach (var session in _sessions)
            await Barrier.Within(session.Ended, "a session ended");
        await _server.SwitchAsync(Service, on: true);
        foreach (var session in _sessions)
        {
            var known = await TryListAsync(session.UserKey);
            Assert.DoesNotContain(known, live => live.SessionId == session.SessionId);
        }
    }

    // Each session beats. The client sends ends behind the heartbeats that are due, so all of a stream are answered when an end is.
    private async Task RequireLiveSessionsAsync()
    {
        _clock.Advance(TimeSpan.FromMinutes(1));
        string[] streams = _usesTokens ? [.. _sessions.Select(session => session.UserKey).Distinct()] : ["root-3"];
        foreach (var user in streams)
        {
            var last = await Barrier.Within(_client.StartSessionAsync(user), "the last session started");
            await last.DisposeAsync();
            await Barrier.Within(last.Ended, "the last session ended");
        }
        foreach (var session in _sessions.Where(session => !_disposed.Contains(session)))
        {
            if (session.Ended.IsCompleted)
                Assert.Equal(SessionEndReason.EndedByServer, (await session.Ended).Reason);
            else
                Assert.Contains(await TryListAsync(session.UserKey), live => live.SessionId == session.SessionId);
        }
    }

    // The server checks no credentials, and the client renews them.
    private string Token()
    {
        var end = (_clock.GetUtcNow() + TokenLifetime).ToUnixTimeSeconds();
        var claims = $$"""{"exp":{{end}},"jti":"{{Interlocked.Increment(ref _tokens)}}"}""";
        return $"e30.{Base64Url.EncodeToString(Encoding.UTF8.GetBytes(claims))}.signature";
    }

    private async Task<IEnumerable<Session>> TryListAsync(string name)
    {
        try
        {
            return (await _server.Users.ListSessionsAsync(new ListSessionsRequest { ServiceSid = Service, UserKey = name })).Sessions;
        }
        catch (RpcException missing) when (missing.StatusCode == StatusCode.NotFound)
        {
            return [];
        }
    }

    // Another caller's attempt may be wrong at that moment, such as to create a user that exists.
    private static async Task Try(Func<Task> call)
    {
        try
        {
            await call();
        }
        catch (RpcException rejected) when (rejected.StatusCode
            is StatusCode.NotFound or StatusCode.AlreadyExists or StatusCode.FailedPrecondition)
        {
        }
    }
}
