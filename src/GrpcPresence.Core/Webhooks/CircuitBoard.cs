using GrpcPresence.Core.Threading;

namespace GrpcPresence.Core.Webhooks;

/// <summary>The circuits of all receivers that anybody tells, by URL. Safe from any thread.</summary>
internal sealed class CircuitBoard(Random random, TimeProvider time)
{
    private readonly Lock _gate = new(); // guards the circuits; a circuit's lock is taken inside it
    private readonly Dictionary<string, Circuit> _circuits = new(StringComparer.Ordinal);

    /// <summary>The pauses of circuits, and of whoever waits after failures.</summary>
    public Backoff Backoff { get; } = new(random);

    /// <summary>How many are open.</summary>
    public int OpenCount
    {
        get
        {
            lock (_gate)
                return _circuits.Values.Count(circuit => circuit.IsOpen);
        }
    }

    /// <summary>The circuit of the URL, which wakes the listener from now on.</summary>
    public Circuit Attach(string url, AsyncAutoResetEvent listener)
    {
        lock (_gate)
        {
            if (!_circuits.TryGetValue(url, out var circuit))
                _circuits[url] = circuit = new Circuit(url, Backoff, time);
            circuit.Attach(listener);
            return circuit;
        }
    }

    /// <summary>Wakes the listener no more. A circuit that nobody listens to is forgotten.</summary>
    public void Detach(Circuit circuit, AsyncAutoResetEvent listener)
    {
        lock (_gate)
        {
            if (circuit.Detach(listener))
                _circuits.Remove(circuit.Url);
        }
    }
}
