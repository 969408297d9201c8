using GrpcPresence.Core.Domain;
using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Domain.Users;
using GrpcPresence.Core.Presence;
using GrpcPresence.Core.Writing.Commands;

namespace GrpcPresence.Core.Tests.Presence.Fixture;

/// <summary>Applies each step to the tracker and to the model, and compares them.</summary>
internal sealed class PropertyRun : IDisposable
{
    /// <summary>The number of users.</summary>
    public const int Users = 3;

    private static readonly int MaxAdvance = (int)Limits.MaxTickAdvance.TotalMilliseconds;
    private static readonly TimeSpan Timeout = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan Debounce = TimeSpan.FromMilliseconds(300);

    private readonly PresenceWorld _world = new(tombstoneRetention: Timeout * 2);
    private readonly Model[] _models = new Model[Users];
    private readonly HeartbeatStream[] _streams = [new(endSessionsOnClose: true), new(endSessionsOnClose: true)];
    private readonly int[] _serials = [0, 1]; // of the streams, in the order in which they were opened
    private int _nextSerial = 2;
    private int _now; // of the lease clock, in milliseconds
    private int _sinceTick;
    private bool _isBroken;

    public PropertyRun()
    {
        for (var user = 0; user < Users; user++)
        {
            _models[user] = new Model
            {
                TimeoutMilliseconds = (int)Timeout.TotalMilliseconds,
                DebounceMilliseconds = (int)Debounce.TotalMilliseconds,
                RetentionMilliseconds = (int)Timeout.TotalMilliseconds * 2,
            };
        }
        _world.Configure(configuration => configuration with
        {
            HeartbeatInterval = TimeSpan.FromSeconds(1),
            SessionTimeout = Timeout,
            OfflineDebounce = Debounce,
        });
    }

    public void All(TrackerStep[] steps)
    {
        foreach (var step in steps)
        {
            // One millisecond per step, so that no two heartbeats have the same time.
            Advance(1);
            Do(step);
            Compare(step);
        }
        _world.Store.Faults.Clear();
        _world.Write();
        for (var user = 0; user < Users; user++)
            Assert.Equal(_models[user].Count > 0, _world.StoredOnline(Of(user)) ?? false);
        TickFor((int)Timeout.TotalMilliseconds * 3);
        _world.Write();
        Assert.Equal(0, _world.Tracker.TrackedUsers);
        Assert.All(_streams, stream => Assert.Equal(0, stream.UserCount));
    }

    public void Dispose() => _world.Dispose();

    private void Do(TrackerStep step)
    {
        var (identity, model, id) = (Of(step.User), _models[step.User], $"s{step.Session}");
        switch (step.Kind)
        {
            case StepKind.Beat or StepKind.BeatOverStream:
                int? stream = step.Kind == StepKind.Beat ? null : step.Number % _streams.Length;
                var rejection = _world.Beat(identity, PresenceWorld.Session(id), stream is { } index ? _streams[index] : null).Rejection;
                var isAccepted = model.Beat(id, _now, stream is { } number ? _serials[number] : null);
                Assert.Equal(isAccepted ? null : ErrorReason.SessionEnded, rejection);
                break;
            case StepKind.End:
                _ = _world.End(identity, PresenceWorld.Session(id));
                model.End(id, _now);
                break;
            case StepKind.Close:
                var closed = step.Number % _streams.Length;
                _world.Tracker.Close(_streams[closed]);
                _streams[closed] = new HeartbeatStream(endSessionsOnClose: true);
                foreach (var each in _models)
                    each.Close(_serials[closed], _now);
                _serials[closed] = _nextSerial++;
                break;
            case StepKind.Delete:
                // The sweep handles expired leases first, so that the model need not know when the writer runs.
                TickOnce();
                var deletion = _world.Queue.SubmitAsync(new DeleteUser(_world.Service.Sid, new UserKey(identity), ""));
                _world.Write();
                if (deletion.IsCompletedSuccessfully)
                    model.Delete(_now);
                break;
            case StepKind.Pass:
                Advance(Math.Min(step.Number, MaxAdvance));
                break;
            case StepKind.Tick:
                TickFor(step.Number);
                break;
            case StepKind.Write:
                _world.Write();
                break;
            case StepKind.Break:
                _isBroken = !_isBroken;
                _world.Store.Faults.FailAllOperations(_isBroken);
                break;
            case StepKind.Pause:
                Advance(MaxAdvance - _sinceTick);
                _world.Time.Advance(TimeSpan.FromSeconds(step.Number)); // the lease clock ignores most of this
                TickOnce();
                break;
            default:
                throw new InvalidOperationException($"unknown step: {step.Kind}");
        }
    }

    private void TickFor(int milliseconds)
    {
        for (var passed = 0; passed < milliseconds; passed += 100)
        {
            Advance(100);
            TickOnce();
        }
    }

    private void Advance(int milliseconds)
    {
        // Without a tick the clock advances up to its limit and then stops.
        if (_sinceTick + milliseconds > MaxAdvance)
            TickOnce();
        _world.Time.Advance(TimeSpan.FromMilliseconds(milliseconds));
        _now += milliseconds;
        _sinceTick += milliseconds;
    }

    private void TickOnce()
    {
        _world.Tracker.Tick();
        foreach (var model in _models)
            model.Tick(_now);
        _sinceTick = 0;
    }

    private void Compare(TrackerStep step)
    {
        for (var user = 0; user < Users; user++)
        {
            var expected = string.Join(' ', _models[user].Alive(_now));
            var actual = string.Join(' ', _world.SessionsOf(Of(user)).Order());
            Assert.True(expected == actual, $"after {step} at {_now} ms user {user} should have [{expected}] and has [{actual}]");
        }
        Assert.Equal(_models.Sum(model => model.Count), _world.Tracker.LiveSessions);
    }

    private static Identity Of(int user) => Identity.FromTrusted($"user-{user}");
}
