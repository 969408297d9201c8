using GrpcPresence.Core.Cluster.Channel;
using GrpcPresence.Core.Cluster.Membership;
using GrpcPresence.Core.Cluster.Shards;
using GrpcPresence.Core.Domain.Cluster;
using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Quotas;
using GrpcPresence.Core.Storage;
using GrpcPresence.Core.Tenants;
using GrpcPresence.Core.Webhooks;

namespace GrpcPresence.Core.Cluster.Node;

/// <summary>
/// What the holder of a shard does as the home owner: it lends the quotas and delivers the webhooks whose home the shard is. Also borrows
/// the shares of this node. Used by the loop of the node, except where a member says otherwise.
/// </summary>
/// <remarks>
/// <list type="number">
/// <item>Open: the gate of the shard has opened. Lending asks every node of the view first, so the view must be known before.</item>
/// <item>Drain: a planned move is about to begin. The loops of webhooks end while the shard is open, and the position is stored. If the
/// move does not begin, the loops begin again.</item>
/// <item>Close: the gate is closed, or was closed and has opened again under another epoch. Without a drain, requests are cancelled.</item>
/// </list>
/// </remarks>
internal sealed class HomeServices
{
    private readonly IClusterView _view;
    private readonly INodeChannel _channel;
    private readonly ShardGates _gates;
    private readonly ServiceCache _services;
    private readonly WebhookDispatcher? _webhooks;
    private readonly TimeProvider _time;
    private readonly QuotaLender _lender;
    private readonly Func<DataIdentity> _data;
    private readonly long[] _open = new long[Shard.Count]; // the epoch under which the home is open; 0 if it is not
    private readonly Dictionary<Shard, Drain> _drains = [];
    private readonly Dictionary<ServiceSid, Task> _loading = [];
    private long _seen = -1; // the number of the last view

    public HomeServices(
        IClusterView view,
        INodeChannel channel,
        ShardTable table,
        ShardGates gates,
        ServiceCache services,
        WebhookDispatcher? webhooks,
        SharedQuotas quotas,
        Func<DataIdentity> data)
    {
        (_view, _channel, _gates, _services, _webhooks, _time, _data) = (view, channel, gates, services, webhooks, quotas.Time, data);
        var frequency = _time.TimestampFrequency;
        _lender = new QuotaLender(view.Self, quotas.ServiceInstance, quotas.ApiKey, Send, frequency);
        Borrower = new QuotaBorrower(view.Self, quotas.ServiceInstance, quotas.ApiKey, shard => table[shard].Node, Send, frequency);
    }

    /// <summary>The shares of this node. Safe from any thread.</summary>
    public QuotaBorrower Borrower { get; }

    /// <summary>Opens and closes homes as the gates say, borrows and lends.</summary>
    public void Step(ClusterView view)
    {
        if (_seen != view.Number)
        {
            _seen = view.Number;
            _lender.SetNodes(view.Nodes);
        }
        ResumeUnasked();
        for (var word = 0; word < ShardBits.Words; word++)
        {
            for (var bits = _gates.TakeChanged(word); bits != 0; bits &= bits - 1)
                Follow(ShardBits.ShardOf(word, bits));
        }
        var now = _time.GetTimestamp();
        Borrower.Tick(now);
        _lender.Tick(now);
    }

    /// <summary>
    /// Whether the webhooks of an open shard have stopped, so that it may be given away. Begins to stop them. To be asked in each step
    /// until the shard is sealed: otherwise they go on.
    /// </summary>
    public bool IsDrained(Shard shard)
    {
        if (!_drains.TryGetValue(shard, out var drain))
            _drains[shard] = drain = new Drain(_webhooks?.DrainHomeAsync(shard) ?? Task.CompletedTask);
        drain.IsAsked = true;
        return drain.Ended.IsCompleted;
    }

    /// <summary>The shards whose webhooks are stopped, or being stopped, for a planned move.</summary>
    public IReadOnlyCollection<Shard> Draining => _drains.Keys;

    /// <summary>Whether the webhooks of all shards have stopped, so that the node may leave: see <see cref="IsDrained"/>.</summary>
    public bool AreAllDrained()
    {
        var areDrained = true;
        for (var number = 0; number < Shard.Count; number++)
        {
            if (_open[number] != 0)
                areDrained &= IsDrained(new Shard(number));
        }
        return areDrained;
    }

    /// <summary>Closes every home, because this node holds no shard any more.</summary>
    public void CloseAll()
    {
        for (var number = 0; number < Shard.Count; number++)
            Close(new Shard(number));
    }

    /// <summary>
    /// Returns the service instances whose webhooks this node delivers, so that it hears of the commits of other nodes. The poll shows
    /// those that are cached, so each is read into the cache.
    /// </summary>
    public IReadOnlyList<ServiceSid> ListDelivered()
    {
        if (_webhooks is not { } webhooks)
            return [];
        foreach (var (sid, loaded) in _loading)
        {
            if (loaded.IsCompleted)
                _loading.Remove(sid);
        }
        var delivered = webhooks.Services;
        foreach (var sid in delivered)
        {
            if (_services.FindCached(sid) is null && !_loading.ContainsKey(sid))
                _loading[sid] = LoadAsync(sid);
        }
        return delivered;
    }

    /// <summary>
    /// The node knows other data from now on: it forgets the stamps of before, and asks for each open home again what is lent.
    /// </summary>
    public void ResetForNewData()
    {
        // Each of the two labels its messages and checks those that come under its own lock, so none of before has an effect afterwards.
        Borrower.SetData(_data());
        _lender.SetData(_data());
    }

    /// <summary>
    /// Takes a message about quotas. The parts ignore it if its sender knew other data than this node. Safe from any thread.
    /// </summary>
    public void Receive(SharedQuotaMessage message) => Receive(message.Message);

    private void Receive(QuotaMessage message)
    {
        var now = _time.GetTimestamp();
        Borrower.Receive(message, now);
        _lender.Receive(message, now);
    }

    private void Follow(Shard shard)
    {
        var gate = _gates[shard];
        var epoch = gate.IsHeld ? gate.Epoch : 0;
        if (_open[shard.Number] == epoch)
            return;
        Close(shard);
        if (gate.State == ShardGateState.Open)
            Open(shard, epoch);
    }

    private void Open(Shard shard, long epoch)
    {
        _open[shard.Number] = epoch;
        _lender.OpenHome(shard, epoch);
        _webhooks?.OpenHome(shard);
    }

    private void Close(Shard shard)
    {
        _drains.Remove(shard);
        if (_open[shard.Number] == 0)
            return;
        _open[shard.Number] = 0;
        _lender.CloseHome(shard);
        _webhooks?.CloseHome(shard);
    }

    /// <summary>Begins to deliver again for shards that are not given away after all.</summary>
    private void ResumeUnasked()
    {
        foreach (var (shard, drain) in _drains)
        {
            if (_gates[shard].State == ShardGateState.Open && !drain.IsAsked)
            {
                _drains.Remove(shard);
                _webhooks?.OpenHome(shard);
            }
            drain.IsAsked = false;
        }
    }

    private void Send(NodeId to, QuotaMessage message)
    {
        if (to == _view.Self)
            Receive(message);
        else if (_view.Current.Contains(to))
            _channel.Send(to, new SharedQuotaMessage(message));
    }

    private async Task LoadAsync(ServiceSid sid)
    {
        try
        {
            await _services.GetAsync(sid, CancellationToken.None).ConfigureAwait(false);
        }
        catch (PresenceException)
        {
            // It is deleted, or the store is away. As long as there is a loop for it, the next call tries again.
        }
    }

    private sealed class Drain(Task ended)
    {
        public Task Ended => ended;

        public bool IsAsked { get; set; }
    }
}

/// <summary>The quotas that the nodes of a cluster share: the same on all of them.</summary>
/// <param name="ServiceInstance">The limits of each service instance in the whole cluster.</param>
/// <param name="ApiKey">The limits of each API key in the whole cluster.</param>
/// <param name="Time">The clock of the <see cref="QuotaLimiter"/> that uses the shares.</param>
public sealed record SharedQuotas(QuotaLimits ServiceInstance, QuotaLimits ApiKey, TimeProvider Time);

/// <summary>A message about quotas. It may come late, twice or never.</summary>
/// <param name="Message">The message.</param>
public sealed record SharedQuotaMessage(QuotaMessage Message) : NodeMessage;
