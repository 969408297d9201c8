using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Presence;
using GrpcPresence.Core.Storage;
using GrpcPresence.Core.Tenants;
using GrpcPresence.Core.Tests.Fixture;
using GrpcPresence.Core.Threading;
using GrpcPresence.Core.Webhooks;
using GrpcPresence.Core.Writing.Commands;
using GrpcPresence.Testing;

namespace GrpcPresence.Core.Tests.Webhooks;

/// <summary>
/// Random histories of heartbeats, ends, edits, deletions, push bindings, switches, failures, restarts and restores. At the end, the back
/// end must believe what the store shows of every user. A failure prints the seed. For more histories set
/// <c>PRESENCE_HISTORIES=100000</c>; this test runs a tenth of it.
/// </summary>
public sealed class ConvergenceHistoryTests
{
    private const int Steps = 60;
    private const int MaxPasses = 10_000;

    // More than one page of a sweep, so that switches, restarts and restores meet sweeps half way. The history acts on the first few.
    private const int Crowd = 130;
    private const int Actors = 5;

    private static int Histories =>
        int.TryParse(Environment.GetEnvironmentVariable("PRESENCE_HISTORIES"), out var histories) ? histories / 10 : 1000;

    [Fact]
    public async Task Webhooks_converge_over_switches_restarts_and_restores()
    {
        for (var seed = 1; seed <= Histories; seed++)
        {
            if (await Record.ExceptionAsync(() => RunAsync(seed)) is { } failure)
                Assert.Fail($"Seed {seed}: {failure}");
        }
    }

    private static async Task RunAsync(int seed)
    {
        var random = new Random(seed);
        using var history = new BackEndHistory(seed);
        await history.BeginAsync(seed % 10 == 0 ? Crowd : 0);
        for (var step = 0; step < Steps; step++)
            await history.StepAsync(random);
        await history.SettleAsync();
    }

    /// <summary>One service instance with one back end. Delivery passes run when a step says so.</summary>
    private sealed class BackEndHistory(int seed) : IDisposable
    {
        private readonly InMemoryPresenceStore _store = new();
        private readonly BackEndModel _backEnd = new(-seed);
        private readonly Dictionary<string, string> _sessions = [];
        private readonly AsyncAutoResetEvent _wake = new();
        private readonly List<World> _ended = [];
        private World _world = null!;
        private CircuitBreakers _breakers = null!;
        private WebhookEndpoint _endpoint = null!;
        private DeliveryPass _pass = null!;
        private CachedService _service = null!;
        private ServiceSid _sid;
        private StoreImage? _backup;
        private string? _givenUp;
        private int _nextSession;

        public void Dispose()
        {
            foreach (var world in _ended.Append(_world))
                world.Dispose();
        }

        public async Task BeginAsync(int crowd)
        {
            _world = new World(_store);
            _sid = (await _world.NewService()).Sid;
            await _world.Do(new UpdateWebhookSettings(_sid, before => before with
            {
                PostUrl = WebhookWorld.Url,
                Filters = [WebhookEvents.UserAdded, WebhookEvents.UserUpdated],
            }));
            _service = await _world.Services.GetAsync(_sid, default);
            for (var i = 0; i < crowd; i++)
                await _world.Online(_service, $"crowd{i}");
            await StartAsync();
        }

        public async Task StepAsync(Random random)
        {
            var user = $"user{random.Next(Actors)}";
            var exists = await _world.Get(_service, user) is not null;
            switch (random.Next(24))
            {
                case < 5:
                    if (_sessions.TryAdd(user, $"s{_nextSession++}"))
                        await _world.Online(_service, user, _sessions[user]);
                    break;
                case < 8 when _sessions.Remove(user, out var session):
                    await _world.Offline(_service, user, session);
                    break;
                case < 10 when exists:
                    await _world.Rename(_service, user, $"name{random.Next(1000)}");
                    break;
                case 10 when exists:
                    await _world.Bind(_service, user, user);
                    break;
                case 11 when exists && random.Next(2) == 0:
                    await _world.Delete(_service, user);
                    _sessions.Remove(user);
                    break;
                case < 15:
                    await _world.Switch(_sid, on: random.Next(3) != 0);
                    break;
                case < 20:
                    await PassAsync();
                    break;
                case 20:
                    _backEnd.FailsOneIn = random.Next(4);
                    break;
                case 21:
                    _world.Time.Advance(TimeSpan.FromSeconds(random.Next(4)));
                    break;
                case 22 when random.Next(2) == 0:
                    _store.Restart();
                    await StartAsync();
                    break;
                case 22:
                    _backup = _store.Image;
                    break;
                case 23 when _backup is { } backup && random.Next(2) == 0:
                    _store.Restore(backup);
                    _sessions.Clear(); // their users may not exist
                    await StartAsync();
                    break;
                default:
                    break;
            }
        }

        /// <summary>Lets the back end accept everything, delivers what is left, and compares.</summary>
        public async Task SettleAsync()
        {
            _backEnd.FailsOneIn = 0;
            for (var passes = 0; await PassAsync() is { } delay && delay != Timeout.InfiniteTimeSpan; passes++)
            {
                Assert.True(passes < MaxPasses, "The delivery does not come to an end.");
                _world.Time.Advance(delay);
            }
            Assert.Null(_givenUp);
            var read = await _store.ListUsersAsync(_sid, 0, 1000, online: null, default);
            foreach (var user in read.Users)
                Assert.Equal((user.Identity, BackEndModel.True(user)), (user.Identity, _backEnd.Of(user.Sid)));
            Assert.Equal(
                new WebhookPosition(read.Service.Revision, read.Service.Configuration.OnPeriod),
                (await _store.FindWebhookAsync(_sid, default))!.Position);

            // Nothing more is sent, also not after a restart.
            var received = _backEnd.Received;
            _store.Restart();
            await StartAsync();
            Assert.Equal(Timeout.InfiniteTimeSpan, await PassAsync());
            Assert.Equal(received, _backEnd.Received);
        }

        /// <summary>Runs a pass, which waits until its position is stored. So the writer runs meanwhile, on a thread of its own.</summary>
        private async Task<TimeSpan?> PassAsync()
        {
            using var stop = new CancellationTokenSource();
            var writer = _world.Writer;
            var writing = Task.Factory.StartNew(
                () => writer.Run(stop.Token), default, TaskCreationOptions.LongRunning, TaskScheduler.Default);
            var delay = await _pass.RunAsync(default);
            await stop.CancelAsync();
            await writing;
            return delay;
        }

        /// <summary>Starts a process that knows only the store. The sessions of the process before live on in it.</summary>
        private async Task StartAsync()
        {
            _world.Queue.Close();
            _ended.Add(_world);
            _world = new World(_store);
            _service = await _world.Services.GetAsync(_sid, default);
            await new PresenceRecovery(_store, _world.Services, _world.Tracker).LoadAsync(default);
            _world.Tracker.Start();
            _breakers = new CircuitBreakers(new Random(seed), _world.Time);
            _endpoint = new WebhookEndpoint(_backEnd, _breakers, _world.Metrics, _wake);
            _pass = new DeliveryPass(
                _sid, _endpoint, _store, _world.Queue, new Resumption(resume: null), _breakers.Backoff, _world.Time,
                (_, user) => _givenUp = user.ToString());
        }
    }
}
