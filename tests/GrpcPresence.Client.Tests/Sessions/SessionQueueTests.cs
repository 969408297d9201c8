using Grpc.Core;
using GrpcPresence.Client.Connections;
using GrpcPresence.Client.Sessions;
using GrpcPresence.V1;

namespace GrpcPresence.Client.Tests.Sessions;

/// <summary>Tests when a group repeats what the server rejected.</summary>
public sealed class SessionQueueTests
{
    private static readonly PresenceException Passing = new(StatusCode.ResourceExhausted, ErrorReason.QuotaExceeded, "quota");

    private static readonly PresenceException Unknown = new(StatusCode.Unavailable, ErrorReason.OutcomeUnknown, "unknown");

    private readonly SessionQueue _queue = new(new BackoffPolicy(TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(8), new Random(1)));
    private readonly PresenceSession[] _sessions = [new(group: null!, "ada", sessionId: null)];
    private TimeSpan _now = TimeSpan.FromHours(1);

    private PresenceSession Session => _sessions[0];

    [Fact]
    public void What_was_rejected_waits_as_the_server_asks_and_a_random_time_more()
    {
        End();

        var wait = Reject(BatchKind.Ends, asked: TimeSpan.FromSeconds(20));

        Assert.InRange(wait, TimeSpan.FromSeconds(20), TimeSpan.FromSeconds(21));
        Assert.False(_queue.TryTake(out _));
        _now += wait;
        _queue.Advance(_now);
        Assert.True(_queue.TryTake(out var batch));
        Assert.Equal((BatchKind.Ends, Session), (batch.Kind, Assert.Single(batch.Sessions)));
    }

    [Fact]
    public void The_delays_of_one_session_grow_up_to_the_longest()
    {
        _queue.Schedule.Start(_now);
        _queue.Start(Session);

        for (var attempt = 0; attempt < 20; attempt++)
        {
            Assert.True(_queue.TryTake(out _));
            var bound = TimeSpan.FromSeconds(Math.Min(Math.Pow(2, attempt), 8));
            var wait = Reject(BatchKind.Beats);
            Assert.InRange(wait, TimeSpan.Zero, bound);
            _now += bound;
            _queue.Advance(_now);
        }
    }

    [Fact]
    public void A_rejected_session_waits_once_however_often_it_is_rejected()
    {
        _queue.Schedule.Start(_now);
        _queue.Start(Session);
        Assert.True(_queue.TryTake(out _));

        for (var rejection = 0; rejection < 10; rejection++)
            Reject(BatchKind.Beats);
        _now += TimeSpan.FromSeconds(8);
        _queue.Advance(_now);

        Assert.Equal([Session], TakeSingles().SelectMany(batch => batch.Sessions));
        End();
        _queue.Accept(BatchKind.Ends, Session);
        Assert.True(_queue.IsEmpty);
    }

    [Fact]
    public void A_session_that_ends_while_its_start_waits_is_ended_at_once()
    {
        _queue.Schedule.Start(_now);
        _queue.Start(Session);
        Assert.True(_queue.TryTake(out _));
        Reject(BatchKind.Beats);

        End();

        Assert.False(_queue.IsEmpty);
    }

    [Fact]
    public void A_repeated_heartbeat_of_a_live_session_that_is_lost_with_its_stream_is_sent_again()
    {
        _queue.Schedule.Start(_now);
        _queue.Start(Session);
        Assert.True(_queue.TryTake(out _));
        _queue.Accept(BatchKind.Beats, Session);
        _queue.Reject(BatchKind.Beats, Session, Unknown, retryDelay: null, _now);
        _now += TimeSpan.FromSeconds(1);
        _queue.Advance(_now);
        var repeated = Assert.Single(TakeSingles());

        _queue.TakeBack(repeated);

        Assert.Equal(Session, Assert.Single(Assert.Single(TakeSingles()).Sessions));
    }

    [Fact]
    public void A_session_whose_end_is_accepted_leaves_no_retry_for_which_disposal_would_wait()
    {
        _queue.Schedule.Start(_now);
        _queue.Start(Session);
        Assert.True(_queue.TryTake(out _));
        Reject(BatchKind.Beats, asked: TimeSpan.FromMinutes(1));
        End();

        _queue.Accept(BatchKind.Ends, Session);

        Assert.True(_queue.IsEmpty);
        Assert.Null(_queue.Advance(_now));
    }

    [Fact]
    public void A_session_that_ends_does_not_hide_the_retry_of_another()
    {
        _queue.Schedule.Start(_now);
        var other = new PresenceSession(group: null!, "bob", sessionId: null);
        foreach (var session in new[] { Session, other })
        {
            _queue.End(session, _now);
            Assert.True(_queue.TryTake(out _));
            _queue.Reject(BatchKind.Ends, session, Passing, retryDelay: null, _now);
        }

        _queue.Advance(_now + TimeSpan.FromMinutes(1));
        Assert.True(_queue.TryTake(out var batch));
        Assert.Equal(2, batch.Sessions.Count);
        _queue.Accept(BatchKind.Ends, Session);
        _queue.Reject(BatchKind.Ends, other, Passing, retryDelay: null, _now);
        Assert.False(_queue.IsEmpty);
        _queue.FailAll(Passing);

        Assert.True(_queue.IsEmpty);
    }

    // Leaves out the turns of the schedule.
    private List<Batch> TakeSingles()
    {
        var singles = new List<Batch>();
        while (_queue.TryTake(out var batch))
        {
            if (batch.Slot < 0)
                singles.Add(batch);
        }
        return singles;
    }

    private void End()
    {
        _queue.End(Session, _now);
        Assert.True(_queue.TryTake(out var batch));
        Assert.Equal(BatchKind.Ends, batch.Kind);
    }

    // Returns the time until the group looks again.
    private TimeSpan Reject(BatchKind kind, TimeSpan? asked = null)
    {
        Assert.False(_queue.Reject(kind, Session, Passing, asked, _now));
        return _queue.Advance(_now)!.Value;
    }
}
