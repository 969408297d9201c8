using System.Collections.Immutable;
using GrpcPresence.Core.Domain;
using GrpcPresence.Core.Domain.Cluster;
using GrpcPresence.Core.Storage;

namespace GrpcPresence.Core.Cluster.Confirmation;

/// <summary>
/// Whether nobody can have taken the shards of this node yet. Only a confirmed node answers calls that depend on its sessions.
/// </summary>
/// <remarks>
/// <para>
/// The store confirms the node by a renewal of its lease, because an eviction needs a lease that is older than
/// <see cref="Limits.Confirmation"/>. While the store does not answer, a majority of the members of the last acknowledged renewal confirms
/// it, because an eviction needs so many votes that no majority is left. Both count from when the request was <em>sent</em>: the lease of
/// the store and the promise of a peer begin later.
/// </para>
/// <para>
/// The lease in the store keeps the members of its last renewal and those of the last one that the node called acknowledged. Votes are
/// counted against both. So one renewal is in flight at a time, and an answer after its deadline does not count: the node would ask the
/// members of a renewal that the store no longer keeps.
/// </para>
/// <para>
/// A renewal counts only if the store made it in the data that this node knows, and peers count only those. When the store has lost
/// commits, other data may give the shards of this node to others, so the node first finds out what that data says.
/// </para>
/// <para>Only <see cref="IsConfirmed"/> and <see cref="StateAt"/> are safe from any thread.</para>
/// </remarks>
public sealed class NodeConfirmation
{
    // How long answers to a round count; each later round replaces the oldest one.
    private const int KeptRounds = 4;

    // Two values of the end of the confirmation.
    private const long Revoked = long.MinValue;
    private const long NotBegun = long.MinValue + 1;

    private static readonly TimeSpan Counted = Limits.Confirmation - Limits.ConfirmationMargin;

    private readonly NodeId _self;
    private readonly Round?[] _rounds = new Round?[KeptRounds];
    private long _until; // in ticks; the end of the confirmation, read without a lock
    private long _number; // of the last renewal
    private bool _isInFlight;
    private TimeSpan _sentAt; // of the last renewal
    private bool _hasFailed; // whether the last renewal that ended has failed
    private Acknowledged? _acknowledged; // null before the first answer
    private long _lastRound;
    private DataIdentity _data; // what the node knows
    private bool _hasLapsed = true; // whether the node was unconfirmed at some time since the store confirmed it last
    private int _timesConfirmed; // how often it became confirmed while it was not

    /// <summary>Creates the state of a node that has not joined yet: not confirmed, and not lost, however long the join takes.</summary>
    /// <param name="self">This node.</param>
    public NodeConfirmation(NodeId self)
    {
        _self = self;
        _until = NotBegun;
    }

    /// <summary>The node has joined. It is lost if no confirmation comes within two seconds.</summary>
    /// <param name="now">The time of the clock of this node.</param>
    public void Begin(TimeSpan now)
    {
        if (_until == NotBegun)
            Volatile.Write(ref _until, now.Ticks);
    }

    /// <summary>
    /// Whether the node may answer now. To be asked when an answer is written, with a time that was read at that moment, because the
    /// process may have been paused since the call came in.
    /// </summary>
    public bool IsConfirmed(TimeSpan now) => now.Ticks < Volatile.Read(ref _until);

    /// <summary>The members at the last renewal that the store acknowledged in time; empty before the first.</summary>
    public ImmutableArray<NodeId> Members => _acknowledged?.Members ?? [];

    /// <summary>How often the node has become confirmed while it was not. Safe from any thread.</summary>
    public int TimesConfirmed => Volatile.Read(ref _timesConfirmed);

    /// <summary>Returns what the node may do.</summary>
    public ConfirmationState StateAt(TimeSpan now)
    {
        var until = Volatile.Read(ref _until);
        return now.Ticks < until ? ConfirmationState.Confirmed
            : until == NotBegun ? ConfirmationState.Unconfirmed
            : until == Revoked || now.Ticks - until >= (Limits.ConfirmationLoss - Counted).Ticks ? ConfirmationState.Lost
            : ConfirmationState.Unconfirmed;
    }

    /// <summary>
    /// Begins a renewal by the store if one is due. The caller sends it to the store at once, and calls <see cref="CompleteRenewal"/>,
    /// <see cref="FailRenewal"/> or <see cref="Revoke"/>.
    /// </summary>
    /// <param name="now">The time.</param>
    /// <param name="renewal">The renewal.</param>
    public bool TryBeginRenewal(TimeSpan now, out Renewal renewal)
    {
        renewal = default;
        if (_isInFlight && now - _sentAt >= Limits.Confirmation)
            FailRenewal(_number);
        if (_isInFlight || StateAt(now) == ConfirmationState.Lost || (_number > 0 && now - _sentAt < Limits.ConfirmationRenewal))
            return false;
        _isInFlight = true;
        _sentAt = now;
        renewal = new Renewal(++_number, _acknowledged?.Number ?? 0);
        return true;
    }

    /// <summary>The store has renewed the lease.</summary>
    /// <param name="number">The number of the renewal.</param>
    /// <param name="data">The data in which the store has renewed it. If the node knows other data, the renewal has failed.</param>
    /// <param name="members">The active nodes at the renewal, as the lease keeps them.</param>
    /// <param name="now">The time.</param>
    public void CompleteRenewal(long number, DataIdentity data, ImmutableArray<NodeId> members, TimeSpan now)
    {
        if (!_isInFlight || number != _number || now - _sentAt >= Limits.Confirmation)
            return;
        if (data != _data)
        {
            FailRenewal(number);
            return;
        }
        _isInFlight = false;
        _hasFailed = false;
        _acknowledged = new Acknowledged(number, _sentAt, members);
        Confirm(_sentAt + Counted, now);
        _hasLapsed = false;
    }

    /// <summary>The renewal has failed, or nothing is known about it.</summary>
    public void FailRenewal(long number)
    {
        if (!_isInFlight || number != _number)
            return;
        _isInFlight = false;
        _hasFailed = true;
    }

    /// <summary>
    /// The node knows other data from now on, and does what that data says. A confirmation that it has stands until it ends. Peers confirm
    /// the node again after its next renewal, because they count the members that the data has.
    /// </summary>
    public void SetData(DataIdentity data)
    {
        _data = data;
        _acknowledged = null;
        Array.Clear(_rounds);
    }

    /// <summary>
    /// Whether the node is confirmed, and was at every moment since the store confirmed it last. Then nobody can have taken a shard of it
    /// in the data that it knows.
    /// </summary>
    public bool IsConfirmedThroughout(TimeSpan now) => !_hasLapsed && IsConfirmed(now);

    /// <summary>
    /// The node is not confirmed any more, and never again: its row in the store is not active, a view lacks it, or it is about to leave.
    /// </summary>
    public void Revoke() => Volatile.Write(ref _until, Revoked);

    /// <summary>
    /// Begins a round of requests to the peers if one is due: the store has not answered for <see cref="Limits.ConfirmationRenewal"/> or
    /// has failed, and its last answer is at most <see cref="Limits.PeerConfirmation"/> old. The caller sends the request to each peer at
    /// once.
    /// </summary>
    /// <param name="now">The time.</param>
    /// <param name="request">The request.</param>
    /// <param name="peers">The peers to ask. Empty if the node is the only member, and so the majority by itself.</param>
    public bool TryBeginRound(TimeSpan now, out ConfirmRequest request, out ImmutableArray<NodeId> peers)
    {
        request = null!;
        peers = [];
        var isSilent = _hasFailed || (_isInFlight && now - _sentAt >= Limits.ConfirmationRenewal);
        var last = _rounds[_lastRound % KeptRounds];
        if (!isSilent || _acknowledged is not { } acknowledged || StateAt(now) == ConfirmationState.Lost
            || now >= acknowledged.PeersUntil || (last is not null && now - last.SentAt < Limits.ConfirmationRenewal))
        {
            return false;
        }
        peers = acknowledged.Members.Remove(_self);
        var round = new Round(++_lastRound, now, peers, acknowledged.PeersUntil);
        _rounds[_lastRound % KeptRounds] = round;
        request = new ConfirmRequest(_data, acknowledged.Number, _lastRound);
        Count(round, now);
        return true;
    }

    /// <summary>A peer confirms the node. Repeated and late answers do no harm.</summary>
    public void Receive(NodeId from, ConfirmResponse confirm, TimeSpan now)
    {
        if (_rounds[confirm.Round % KeptRounds] is { } round && round.Number == confirm.Round && round.Add(from))
            Count(round, now);
    }

    /// <summary>Returns what an operator should know of the confirmation.</summary>
    public ConfirmationStatus Read(TimeSpan now)
    {
        var until = Volatile.Read(ref _until);
        var hasBegun = until is not (NotBegun or Revoked);
        var lossAt = TimeSpan.FromTicks(hasBegun ? until : 0) + Limits.ConfirmationLoss - Counted;
        return new ConfirmationStatus
        {
            State = StateAt(now),
            ConfirmedFor = IsConfirmed(now) ? TimeSpan.FromTicks(until) - now : null,
            EndsAfter = hasBegun && lossAt > now ? lossAt - now : null,
            RenewedBefore = _acknowledged is { } renewed ? now - renewed.SentAt : null,
            PeersConfirmFor = _acknowledged is { } acknowledged && acknowledged.PeersUntil > now ? acknowledged.PeersUntil - now : null,
            SilentPeers = ListSilentPeers(now),
            TimesConfirmed = _timesConfirmed,
        };
    }

    private void Count(Round round, TimeSpan now)
    {
        if (!round.HasMajority)
            return;
        var until = round.SentAt + Counted;
        Confirm(until < round.PeersUntil ? until : round.PeersUntil, now);
    }

    private void Confirm(TimeSpan until, TimeSpan now)
    {
        // A node that was unconfirmed for too long has begun to stop.
        _hasLapsed |= !IsConfirmed(now);
        if (StateAt(now) == ConfirmationState.Lost)
            Revoke();
        else if (until.Ticks > _until)
            Extend(until, now);
    }

    private void Extend(TimeSpan until, TimeSpan now)
    {
        var wasConfirmed = IsConfirmed(now);
        Volatile.Write(ref _until, until.Ticks);
        if (!wasConfirmed && IsConfirmed(now))
            Volatile.Write(ref _timesConfirmed, _timesConfirmed + 1);
    }

    /// <summary>
    /// Returns the members that have confirmed no request of the last <see cref="Limits.Confirmation"/>. None while the store answers,
    /// because nobody is asked.
    /// </summary>
    private ImmutableArray<NodeId> ListSilentPeers(TimeSpan now)
    {
        var recent = _rounds.Where(round => round is not null && now - round.SentAt < Limits.Confirmation).ToArray();
        return recent.Length == 0 ? [] : [.. recent[0]!.Peers.Where(peer => !recent.Any(round => round!.HasConfirmed(peer)))];
    }

    /// <summary>The last renewal that the store has acknowledged in time.</summary>
    private sealed record Acknowledged(long Number, TimeSpan SentAt, ImmutableArray<NodeId> Members)
    {
        public TimeSpan PeersUntil { get; } = SentAt + Limits.PeerConfirmation;
    }

    /// <summary>The answers to one request.</summary>
    private sealed class Round(long number, TimeSpan sentAt, ImmutableArray<NodeId> peers, TimeSpan peersUntil)
    {
        private readonly bool[] _confirmed = new bool[peers.Length];
        private int _count;

        public long Number => number;

        public TimeSpan SentAt => sentAt;

        public TimeSpan PeersUntil => peersUntil;

        /// <summary>Whether the peers that confirmed and the node itself are more than half of all members.</summary>
        public bool HasMajority => 2 * (_count + 1) > peers.Length + 1;

        public ImmutableArray<NodeId> Peers => peers;

        public bool HasConfirmed(NodeId peer) => peers.IndexOf(peer) is >= 0 and var index && _confirmed[index];

        public bool Add(NodeId peer)
        {
            var index = peers.IndexOf(peer);
            if (index < 0 || _confirmed[index])
                return false;
            _count++;
            return _confirmed[index] = true;
        }
    }
}

/// <summary>A renewal to send to the store.</summary>
/// <param name="Number">Greater for each later renewal. The first one is 1.</param>
/// <param name="Acknowledged">The last renewal that the store acknowledged in time; 0 if none.</param>
public readonly record struct Renewal(long Number, long Acknowledged);

/// <summary>What a node may do.</summary>
public enum ConfirmationState
{
    /// <summary>It may answer.</summary>
    Confirmed,

    /// <summary>It may not answer, but may become confirmed again.</summary>
    Unconfirmed,

    /// <summary>It ends all streams, and stops. It never becomes confirmed again.</summary>
    Lost,
}
