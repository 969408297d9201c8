using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Presence;
using Next = GrpcPresence.Core.Presence.PresenceSync.Next;
using Phase = GrpcPresence.Core.Presence.PresenceSync.SyncPhase;

namespace GrpcPresence.Core.Tests.Presence;

/// <summary>The table of the presence state machine: a phase and an event yield a phase and what must follow.</summary>
public sealed class PresenceSyncTests
{
    private static readonly ServiceConfiguration On = new() { ReachabilityEnabled = true, SwitchRevision = 1 };
    private static readonly PresenceException Reason = new(ErrorReason.UserNotFound, "");

    private PresenceSync _sync = new();
    private PresenceSnapshot _snapshot;

    public enum SyncEvent
    {
        Online,
        Offline,
        OfflineInBackground,
        Take,
        Stored,
        Retry,
        FailQueued,
        Requeue,
        Reject,
        Forget,
        QueueClosed,
    }

    [Theory]
    [InlineData(nameof(Phase.Stored), SyncEvent.Online, nameof(Phase.Queued), nameof(Next.Queue))]
    [InlineData(nameof(Phase.Stored), SyncEvent.Take, nameof(Phase.Stored), nameof(Next.None))]
    [InlineData(nameof(Phase.Stored), SyncEvent.FailQueued, nameof(Phase.Stored), nameof(Next.None))]
    [InlineData(nameof(Phase.Stored), SyncEvent.Requeue, nameof(Phase.Stored), nameof(Next.None))]
    [InlineData(nameof(Phase.Stored), SyncEvent.Forget, nameof(Phase.Stored), nameof(Next.None))]
    [InlineData(nameof(Phase.Queued), SyncEvent.Online, nameof(Phase.Queued), nameof(Next.Queue))]
    [InlineData(nameof(Phase.Queued), SyncEvent.Offline, nameof(Phase.Queued), nameof(Next.Queue))]
    [InlineData(nameof(Phase.Queued), SyncEvent.OfflineInBackground, nameof(Phase.Queued), nameof(Next.QueueInBackground))]
    [InlineData(nameof(Phase.Queued), SyncEvent.Take, nameof(Phase.Taken), nameof(Next.None))]
    [InlineData(nameof(Phase.Queued), SyncEvent.FailQueued, nameof(Phase.Queued), nameof(Next.QueueInBackground))]
    [InlineData(nameof(Phase.Queued), SyncEvent.Requeue, nameof(Phase.Queued), nameof(Next.Requeue))]
    [InlineData(nameof(Phase.Queued), SyncEvent.Reject, nameof(Phase.Stored), nameof(Next.Idle))]
    [InlineData(nameof(Phase.Queued), SyncEvent.Forget, nameof(Phase.Stored), nameof(Next.None))]
    [InlineData(nameof(Phase.Taken), SyncEvent.Online, nameof(Phase.TakenAndQueued), nameof(Next.Queue))]
    [InlineData(nameof(Phase.Taken), SyncEvent.Offline, nameof(Phase.TakenAndQueued), nameof(Next.Queue))]
    [InlineData(nameof(Phase.Taken), SyncEvent.Take, nameof(Phase.Taken), nameof(Next.None))]
    [InlineData(nameof(Phase.Taken), SyncEvent.Stored, nameof(Phase.Stored), nameof(Next.Idle))]
    [InlineData(nameof(Phase.Taken), SyncEvent.Retry, nameof(Phase.Queued), nameof(Next.QueueInBackground))]
    [InlineData(nameof(Phase.Taken), SyncEvent.Reject, nameof(Phase.Stored), nameof(Next.Idle))]
    [InlineData(nameof(Phase.Taken), SyncEvent.Forget, nameof(Phase.Stored), nameof(Next.None))]
    [InlineData(nameof(Phase.Taken), SyncEvent.QueueClosed, nameof(Phase.Taken), nameof(Next.None))]
    [InlineData(nameof(Phase.TakenAndQueued), SyncEvent.Online, nameof(Phase.TakenAndQueued), nameof(Next.Queue))]
    [InlineData(nameof(Phase.TakenAndQueued), SyncEvent.Take, nameof(Phase.TakenAndQueued), nameof(Next.None))]
    [InlineData(nameof(Phase.TakenAndQueued), SyncEvent.Stored, nameof(Phase.Queued), nameof(Next.None))]
    [InlineData(nameof(Phase.TakenAndQueued), SyncEvent.Retry, nameof(Phase.Queued), nameof(Next.QueueInBackground))]
    [InlineData(nameof(Phase.TakenAndQueued), SyncEvent.FailQueued, nameof(Phase.TakenAndQueued), nameof(Next.QueueInBackground))]
    [InlineData(nameof(Phase.TakenAndQueued), SyncEvent.Reject, nameof(Phase.Stored), nameof(Next.Idle))]
    [InlineData(nameof(Phase.TakenAndQueued), SyncEvent.Forget, nameof(Phase.Stored), nameof(Next.None))]
    public void Each_event_in_each_phase_leads_to_one_phase_and_one_next_step(string phase, SyncEvent input, string expected, string next)
    {
        Bring(Enum.Parse<Phase>(phase));
        Assert.Equal(next, Apply(input).ToString());
        Assert.Equal(expected, _sync.Phase.ToString());
        Assert.Equal(_sync.Phase != Phase.Stored, _sync.IsPending);
    }

    [Fact]
    public void A_user_that_may_be_created_since_the_take_is_decided_again_when_the_snapshot_is_rejected()
    {
        Bring(Phase.Taken);
        Follow(_sync.MarkOnline(isNew: false, mayCreate: true, On));
        Assert.Equal(Next.None, _sync.Reject(Reason)); // the entry is queued already
        Assert.Equal(Phase.Queued, _sync.Phase);
    }

    [Fact]
    public void A_state_whose_entry_was_used_up_during_the_commit_is_queued_again()
    {
        Bring(Phase.TakenAndQueued);
        Assert.Null(_sync.TakeSnapshot(background: false, isOnline: true, default));
        Assert.Equal(Next.Requeue, _sync.MarkStored(_snapshot, On.SwitchRevision, isOnline: true, On));
    }

    [Fact]
    public async Task Callers_wait_for_the_commit_that_holds_their_state()
    {
        Bring(Phase.Queued);
        var first = _sync.WhenStored(isOnline: true, On);
        Apply(SyncEvent.Take);
        Follow(_sync.MarkOffline(background: false, On));
        var second = _sync.WhenStored(isOnline: false, On);
        _sync.TakeSnapshot(background: false, isOnline: false, default);
        Apply(SyncEvent.Stored);
        await first;
        Assert.False(second.IsCompleted);
        _snapshot = _sync.TakeSnapshot(background: false, isOnline: false, default)!.Value;
        _sync.MarkStored(_snapshot, On.SwitchRevision, isOnline: false, On);
        await second;
    }

    [Fact]
    public async Task Callers_fail_when_the_queue_is_closed()
    {
        Bring(Phase.Queued);
        Apply(SyncEvent.Take);
        var waiting = _sync.WhenStored(isOnline: true, On);
        Apply(SyncEvent.Stored);
        await waiting;
        _sync.MarkOffline(background: false, On);
        _sync.MarkQueueClosed();
        Assert.Equal(Phase.Stored, _sync.Phase);
        var error = await Assert.ThrowsAsync<PresenceException>(() => _sync.WhenStored(isOnline: false, On));
        Assert.Equal(ErrorReason.ServerStopping, error.Reason);
    }

    [Fact]
    public async Task After_the_queue_is_closed_no_caller_is_answered_for_an_older_state()
    {
        Bring(Phase.Taken);
        _sync.MarkOffline(background: false, On);
        _sync.MarkQueueClosed();
        var error = await Assert.ThrowsAsync<PresenceException>(() => _sync.WhenStored(isOnline: false, On));
        Assert.Equal(ErrorReason.ServerStopping, error.Reason);
        Assert.False(_sync.WhenStored(isOnline: true, On).IsCompleted);
    }

    private void Bring(Phase phase)
    {
        if (phase == Phase.Stored)
            return;
        Follow(_sync.MarkOnline(isNew: true, mayCreate: false, On));
        if (phase is Phase.Taken or Phase.TakenAndQueued)
            _snapshot = _sync.TakeSnapshot(background: false, isOnline: true, default)!.Value;
        if (phase == Phase.TakenAndQueued)
            Follow(_sync.MarkOffline(background: false, On));
    }

    private Next Apply(SyncEvent input)
    {
        switch (input)
        {
            case SyncEvent.Online:
                return Follow(_sync.MarkOnline(isNew: true, mayCreate: false, On));
            case SyncEvent.Offline:
                return Follow(_sync.MarkOffline(background: false, On));
            case SyncEvent.OfflineInBackground:
                return Follow(_sync.MarkOffline(background: true, On));
            case SyncEvent.Take:
                _snapshot = _sync.TakeSnapshot(background: false, isOnline: true, default) ?? _snapshot;
                return Next.None;
            case SyncEvent.Stored:
                return Follow(_sync.MarkStored(_snapshot, On.SwitchRevision, isOnline: true, On));
            case SyncEvent.Retry:
                return Follow(_sync.Retry(_snapshot, Reason));
            case SyncEvent.FailQueued:
                return Follow(_sync.FailQueued(background: false, Reason));
            case SyncEvent.Requeue:
                return Follow(_sync.Requeue(background: false));
            case SyncEvent.Reject:
                return _sync.Reject(Reason);
            case SyncEvent.Forget:
                _sync.Forget(Reason);
                return Next.None;
            case SyncEvent.QueueClosed:
                _sync.MarkQueueClosed();
                return Next.None;
            default:
                throw new ArgumentOutOfRangeException(nameof(input));
        }
    }

    // The same reaction as the tracked user's.
    private Next Follow(Next next)
    {
        if (next is Next.Queue or Next.QueueInBackground or Next.Requeue && !_sync.TryUseEntry(next == Next.QueueInBackground))
            _sync.MarkQueued(next == Next.QueueInBackground);
        return next;
    }
}
