using GrpcPresence.Core.Domain;
using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Domain.Users;
using GrpcPresence.Core.Presence;
using GrpcPresence.Core.Tests.Presence.Fixture;
using GrpcPresence.Core.Writing.Commands;

namespace GrpcPresence.Core.Tests.Presence;

/// <summary>
/// Runs many threads at once, while one ticks and one writes. Some properties are checked meanwhile, the others when all threads are done.
/// </summary>
public sealed class StressTests : IDisposable
{
    private const int Threads = 4;
    private const int Rounds = 20_000;

    /// <summary>A small number, so that threads contend for users.</summary>
    private const int Users = 200;

    // Without retention, nothing remains when all leases have run out.
    private readonly PresenceWorld _world = new(tombstoneRetention: TimeSpan.Zero);
    private int _running = Threads;

    public void Dispose() => _world.Dispose();

    [Fact]
    public async Task When_all_are_done_those_sessions_live_that_were_not_ended_and_the_store_agrees()
    {
        // Less time passes than the debounce, so that each session lives until its own thread ends it.
        var ticks = TickAsync(TimeSpan.FromMilliseconds(1), max: PresenceWorld.Debounce - TimeSpan.FromSeconds(1));
        var writes = WriteAsync();
        var live = await WhenAllAsync(Enumerable.Range(0, Threads).Select(BeatAndEndAsync));
        await WhenAllAsync([ticks, writes]);
        _world.Write();

        var byUser = live.SelectMany(sessions => sessions).ToLookup(session => session.User);
        Assert.Equal(byUser.Sum(sessions => sessions.Count()), _world.Tracker.LiveSessions);
        for (var user = 0; user < Users; user++)
        {
            Assert.Equal(byUser[user].Select(session => $"{session.Id}").Order(), _world.SessionsOf(Of(user)).Order());
            Assert.Equal(byUser.Contains(user), _world.StoredOnline(Of(user)) ?? false);
        }
        AssertEverybodyGoes();
    }

    [Fact]
    public async Task Leases_that_run_out_while_others_beat_leave_nothing_behind()
    {
        var ticks = TickAsync(Limits.Tick * 3, max: TimeSpan.MaxValue);
        var writes = WriteAsync();
        await WhenAllAsync(Enumerable.Range(0, Threads).Select(BeatAndDeleteAsync));
        await WhenAllAsync([ticks, writes]);

        _world.Tracker.Tick();
        Assert.Equal(Enumerable.Range(0, Users).Sum(user => _world.SessionsOf(Of(user)).Count()), _world.Tracker.LiveSessions);
        AssertEverybodyGoes();
    }

    private Task<List<(int User, SessionId Id)>> BeatAndEndAsync(int thread) => RunAsync(() =>
    {
        var random = new Random(thread);
        var live = new Dictionary<int, SessionId>();
        var stream = new HeartbeatStream(endSessionsOnClose: true);
        for (var round = 0; round < Rounds; round++)
        {
            var user = random.Next(Users);
            if (random.Next(100) == 0)
            {
                _world.Tracker.Close(stream);
                stream = new HeartbeatStream(endSessionsOnClose: true);
            }
            else if (random.Next(5) == 0 && live.Remove(user, out var ended))
            {
                _ = _world.End(Of(user), ended);
                Assert.Equal(ErrorReason.SessionEnded, _world.Beat(Of(user), ended, stream).Rejection);
            }
            else
            {
                var id = live.TryGetValue(user, out var known) ? known : PresenceWorld.Session($"{thread}-{round}");
                Assert.Null(_world.Beat(Of(user), id, random.Next(2) == 0 ? stream : null).Rejection);
                live[user] = id;
            }
        }
        Interlocked.Decrement(ref _running);
        return live.Select(pair => (pair.Key, pair.Value)).ToList();
    });

    private Task<int> BeatAndDeleteAsync(int thread) => RunAsync(() =>
    {
        var random = new Random(thread);
        var stream = new HeartbeatStream(endSessionsOnClose: true);
        for (var round = 0; round < Rounds; round++)
        {
            var user = Of(random.Next(Users));
            if (random.Next(500) == 0)
                _world.Queue.SubmitAsync(new DeleteUser(_world.Service.Sid, new UserKey(user), ""));
            else if (random.Next(50) == 0)
                _world.Tracker.Close(stream);
            else
                _world.Beat(user, PresenceWorld.Session($"{random.Next(40)}"), stream);
        }
        Interlocked.Decrement(ref _running);
        return 0;
    });

    private Task<int> TickAsync(TimeSpan step, TimeSpan max) => RunAsync(() =>
    {
        for (var passed = TimeSpan.Zero; Volatile.Read(ref _running) > 0;)
        {
            if (passed < max)
            {
                _world.Time.Advance(step);
                passed += step;
            }
            _world.Tracker.Tick();
            _world.Tracker.Reconsider(_world.Service);
        }
        return 0;
    });

    private Task<int> WriteAsync() => RunAsync(() =>
    {
        while (Volatile.Read(ref _running) > 0)
            _world.Writer.WriteOnce();
        return 0;
    });

    private void AssertEverybodyGoes()
    {
        _world.PassAndWrite(PresenceWorld.SessionTimeout);
        Assert.Equal(0, _world.Tracker.LiveSessions);
        Assert.Equal(0, _world.Queue.Count);
        _world.PassAndWrite(PresenceWorld.SessionTimeout); // ids that never had a heartbeat are remembered for a timeout from their end on
        Assert.Equal(0, _world.Tracker.TrackedUsers);
        Assert.All(Enumerable.Range(0, Users), user => Assert.False(_world.StoredOnline(Of(user)) ?? false));
    }

    private static Identity Of(int user) => Identity.FromTrusted($"user-{user}");

    private static Task<T> RunAsync<T>(Func<T> body) =>
        Task.Factory.StartNew(body, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);

    private static async Task<T[]> WhenAllAsync<T>(IEnumerable<Task<T>> tasks)
    {
        var all = Task.WhenAll(tasks);
        Assert.True(
            await Task.WhenAny(all, Task.Delay(TimeSpan.FromMinutes(2), TestContext.Current.CancellationToken)) == all,
            "the threads did not finish: one of them waits for a lock without end");
        return await all;
    }
}
