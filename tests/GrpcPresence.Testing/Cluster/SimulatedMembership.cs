using System.Collections.Immutable;
using GrpcPresence.Core.Cluster.Membership;
using GrpcPresence.Core.Domain.Cluster;

namespace GrpcPresence.Testing.Cluster;

/// <summary>
/// Ordered views of the live nodes. Each node sees each view late, with a delay of its own, and skips those that are older than what it has
/// seen. Deterministic: the same seed and the same calls give the same views. One thread uses it.
/// </summary>
/// <remarks>The test moves the clock to <see cref="NextChange"/> and calls <see cref="Advance"/>.</remarks>
/// <param name="clock">True time.</param>
/// <param name="random">Decides about delays.</param>
public sealed class SimulatedMembership(SimulatedClock clock, Random random)
{
    private readonly Dictionary<NodeId, Observer> _observers = [];
    private readonly PriorityQueue<Action, (TimeSpan Due, long Order)> _changes = new();
    private readonly Dictionary<string, long> _incarnations = [];
    private long _order;

    /// <summary>The newest view.</summary>
    public ClusterView Current { get; private set; } = new(Number: 0, []);

    /// <summary>The longest time after which a node sees a view.</summary>
    public TimeSpan MaxLag { get; set; } = TimeSpan.FromMilliseconds(500);

    /// <summary>The shortest time after which a node that has failed is declared dead.</summary>
    public TimeSpan MinDetection { get; set; } = TimeSpan.FromSeconds(1.4);

    /// <summary>The longest time after which a node that has failed is declared dead.</summary>
    public TimeSpan MaxDetection { get; set; } = TimeSpan.FromSeconds(3.2);

    /// <summary>The time of the next change, or null if none is coming.</summary>
    public TimeSpan? NextChange => _changes.TryPeek(out _, out var next) ? next.Due : null;

    /// <summary>
    /// Returns the next run of a node, which no view shows yet. The node calls <see cref="Join"/> once it is ready to be seen.
    /// </summary>
    public NodeId NextRun(string name)
    {
        var incarnation = _incarnations.GetValueOrDefault(name) + 1;
        _incarnations[name] = incarnation;
        return new NodeId(name, incarnation);
    }

    /// <summary>
    /// Adds a run to the views, and removes an earlier run of the same name. Returns the views as the node sees them; the first one that it
    /// sees is the first one that shows it.
    /// </summary>
    public IClusterView Join(NodeId node)
    {
        var others = Current.Nodes.Where(other => other.Name != node.Name);
        Publish([.. others.Append(node).OrderBy(other => other.Name, StringComparer.Ordinal)]);
        var observer = new Observer(node, Current);
        _observers.Add(node, observer);
        return observer;
    }

    /// <summary>
    /// Removes a run from the views at once: it leaves, or is declared dead. It still sees the views, and so that it is not in them.
    /// </summary>
    public void Remove(NodeId node)
    {
        if (Current.Contains(node))
            Publish(Current.Nodes.Remove(node));
    }

    /// <summary>Removes a run from the views once its failure is detected.</summary>
    public void Fail(NodeId node) => Schedule(MinDetection + ((MaxDetection - MinDetection) * random.NextDouble()), () => Remove(node));

    /// <summary>Ends a run: it sees no further views.</summary>
    public void End(NodeId node) => _observers.Remove(node);

    /// <summary>Shows no further views to a node until it resumes.</summary>
    public void Pause(NodeId node)
    {
        if (_observers.TryGetValue(node, out var observer))
            observer.IsPaused = true;
    }

    /// <summary>Shows a node the newest view that it would have seen while it was paused.</summary>
    public void Resume(NodeId node)
    {
        if (!_observers.TryGetValue(node, out var observer))
            return;
        observer.IsPaused = false;
        observer.Show(observer.Newest);
    }

    /// <summary>Shows a node the newest view at once.</summary>
    public void Show(NodeId node)
    {
        if (_observers.TryGetValue(node, out var observer))
            observer.Show(Current);
    }

    /// <summary>Makes all changes that are due.</summary>
    public void Advance()
    {
        while (NextChange is { } due && due <= clock.Now)
            _changes.Dequeue()();
    }

    private void Publish(ImmutableArray<NodeId> nodes)
    {
        var view = new ClusterView(Current.Number + 1, nodes);
        Current = view;
        foreach (var observer in _observers.Values)
            Schedule(MaxLag * random.NextDouble(), () => observer.Show(view));
    }

    private void Schedule(TimeSpan delay, Action change) => _changes.Enqueue(change, (clock.Now + delay, ++_order));

    private sealed class Observer(NodeId self, ClusterView first) : IClusterView
    {
        public NodeId Self => self;

        public ClusterView Current { get; private set; } = first;

        /// <summary>The newest view that has reached the machine of the node.</summary>
        public ClusterView Newest { get; private set; } = first;

        public bool IsPaused { get; set; }

        public void Show(ClusterView view)
        {
            if (view.Number > Newest.Number)
                Newest = view;
            if (!IsPaused && Newest.Number > Current.Number)
                Current = Newest;
        }
    }
}
