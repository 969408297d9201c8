using System.Collections.Immutable;
using System.Runtime.InteropServices;
using GrpcPresence.Core.Domain;
using GrpcPresence.Core.Domain.Cluster;

namespace GrpcPresence.Core.Cluster.Channel;

/// <summary>
/// The sending side of a link to one run of a node. One batch is in flight; what is queued meanwhile becomes the next one, so that batches
/// grow with the load. Safe from any thread.
/// </summary>
/// <remarks>
/// 1. The queued items become a batch with the next number, up to the bounds, as soon as no batch is in flight.
/// 2. The batch is sent again every <see cref="Limits.LinkResend"/> until it is acknowledged. An item stays in its batch, because the
///    receiver may have taken it with an earlier copy.
/// 3. An item whose deadline has passed is left out of what is sent. It is lost: not sent, or unknown if it was sent before.
/// </remarks>
public sealed class OutboundLink
{
    private readonly Lock _gate = new(); // guards all fields; nothing is called under it but the size of an item
    private readonly Queue<Entry> _queue = new();
    private readonly List<Entry> _sent = []; // the batch in flight
    private long _queuedBytes;
    private long _number; // of the last batch
    private bool _isInFlight;
    private bool _isClosed;
    private TimeSpan _sentAt;
    private TimeSpan _firstSentAt; // when the batch in flight was sent for the first time
    private TimeSpan _firstDeadline = TimeSpan.MaxValue; // no item has an earlier one
    private TimeSpan _nextExpiry; // the next search for expired items

    /// <summary>
    /// Queues an item, to be sent by <see cref="Advance"/>. Returns false, and does nothing, if the queue is full or the link closed.
    /// </summary>
    public bool TryQueue(LinkItem item, TimeSpan deadline)
    {
        lock (_gate)
        {
            if (_isClosed || _queue.Count >= Limits.LinkQueueItems)
                return false;
            var size = item.Size;
            if (_queuedBytes + size > Limits.LinkQueueBytes && _queue.Count > 0)
                return false;
            _queue.Enqueue(new Entry(item, deadline, size));
            _queuedBytes += size;
            if (deadline < _firstDeadline)
                _firstDeadline = deadline;
            return true;
        }
    }

    /// <summary>Returns the batch that is to be sent now, and the items whose deadline has passed.</summary>
    public LinkStep Advance(TimeSpan now)
    {
        lock (_gate)
        {
            ImmutableArray<DroppedItem>.Builder? lost = null;
            var isDue = _isInFlight ? now - _sentAt >= Limits.LinkResend : _queue.Count > 0;
            // A batch that is sent contains no expired item, whenever the last search was.
            if (now >= _firstDeadline && (isDue || now >= _nextExpiry))
                lost = Expire(now);
            LinkBatch? batch = null;
            if (isDue && (_isInFlight || TryFill(now)))
            {
                _sentAt = now;
                batch = new LinkBatch(_number, Items());
            }
            return new LinkStep(batch, lost?.ToImmutable() ?? []);
        }
    }

    /// <summary>The receiver took the batch.</summary>
    public void Acknowledge(long number)
    {
        lock (_gate)
        {
            if (!_isInFlight || number != _number)
                return;
            _isInFlight = false;
            _sent.Clear();
        }
    }

    /// <summary>Closes the link, because the run of the receiver has ended. Returns the items that were not acknowledged.</summary>
    public ImmutableArray<DroppedItem> Close()
    {
        lock (_gate)
        {
            _isClosed = true;
            var lost = ImmutableArray.CreateBuilder<DroppedItem>(_sent.Count + _queue.Count);
            foreach (var entry in _sent)
                lost.Add(new DroppedItem(entry.Item, DroppedItemOutcome.Unknown));
            foreach (var entry in _queue)
                lost.Add(new DroppedItem(entry.Item, DroppedItemOutcome.NotSent));
            _isInFlight = false;
            _sent.Clear();
            _queue.Clear();
            _queuedBytes = 0;
            return lost.MoveToImmutable();
        }
    }

    /// <summary>Returns what waits for the receiver.</summary>
    /// <param name="node">The receiver.</param>
    /// <param name="now">The time.</param>
    public LinkStatus Read(NodeId node, TimeSpan now)
    {
        lock (_gate)
            return new LinkStatus(node, _queue.Count, _queuedBytes, _sent.Count, _isInFlight ? now - _firstSentAt : null);
    }

    private bool TryFill(TimeSpan now)
    {
        var bytes = 0L;
        while (_sent.Count < Limits.LinkBatchItems && _queue.TryPeek(out var next)
            && (_sent.Count == 0 || bytes + next.Size <= Limits.LinkBatchBytes))
        {
            bytes += next.Size;
            _sent.Add(_queue.Dequeue());
        }
        if (_sent.Count == 0)
            return false;
        _queuedBytes -= bytes;
        _number++;
        _isInFlight = true;
        _firstSentAt = now;
        return true;
    }

    private ImmutableArray<LinkItem> Items()
    {
        var items = new LinkItem[_sent.Count];
        for (var index = 0; index < items.Length; index++)
            items[index] = _sent[index].Item;
        return ImmutableCollectionsMarshal.AsImmutableArray(items);
    }

    private ImmutableArray<DroppedItem>.Builder Expire(TimeSpan now)
    {
        var lost = ImmutableArray.CreateBuilder<DroppedItem>();
        _nextExpiry = now + Limits.LinkExpiry;
        _firstDeadline = TimeSpan.MaxValue;
        _sent.RemoveAll(entry => IsExpired(entry, DroppedItemOutcome.Unknown));
        for (var left = _queue.Count; left > 0; left--)
        {
            var entry = _queue.Dequeue();
            if (IsExpired(entry, DroppedItemOutcome.NotSent))
                _queuedBytes -= entry.Size;
            else
                _queue.Enqueue(entry);
        }
        return lost;

        bool IsExpired(Entry entry, DroppedItemOutcome outcome)
        {
            if (entry.Deadline <= now)
                lost.Add(new DroppedItem(entry.Item, outcome));
            else if (entry.Deadline < _firstDeadline)
                _firstDeadline = entry.Deadline;
            return entry.Deadline <= now;
        }
    }

    private readonly record struct Entry(LinkItem Item, TimeSpan Deadline, int Size);
}

/// <summary>What follows from a step of a link.</summary>
/// <param name="Batch">The batch to send, or null.</param>
/// <param name="Lost">The items that will not be sent again.</param>
public readonly record struct LinkStep(LinkBatch? Batch, ImmutableArray<DroppedItem> Lost);

/// <summary>What waits for another node on a link.</summary>
/// <param name="Node">The receiver.</param>
/// <param name="QueuedItems">The items that were not sent yet.</param>
/// <param name="QueuedBytes">The approximate size of these.</param>
/// <param name="SentItems">The items of the batch that was sent and is not acknowledged.</param>
/// <param name="UnacknowledgedFor">How long ago that batch was sent for the first time; null if no batch is in flight.</param>
public readonly record struct LinkStatus(
    NodeId Node, int QueuedItems, long QueuedBytes, int SentItems, TimeSpan? UnacknowledgedFor);
