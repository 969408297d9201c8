using GrpcPresence.Core.Threading;

namespace GrpcPresence.Core.Webhooks;

/// <summary>
/// The circuit breakers of all endpoints in use. Each service instance has its own, even for a URL that others use too: a service instance
/// that set the URL of another and makes it fail must not delay the other's events. Safe from any thread.
/// </summary>
internal sealed class CircuitBreakers(Random random, TimeProvider time)
{
    // Guards the set of breakers. A breaker's lock may be taken inside it, never the other way round. No I/O, await or log happens under
    // it.
    private readonly Lock _gate = new();
    private readonly HashSet<CircuitBreaker> _breakers = [];

    /// <summary>The delays of breakers and of delivery loops share one source of jitter.</summary>
    public Backoff Backoff { get; } = new(random);

    /// <summary>The number of breakers.</summary>
    public int Count
    {
        get
        {
            lock (_gate)
                return _breakers.Count;
        }
    }

    /// <summary>The number of breakers that are open or half-open.</summary>
    public int OpenCount
    {
        get
        {
            lock (_gate)
                return _breakers.Count(breaker => breaker.IsOpen);
        }
    }

    /// <summary>Returns a new breaker for the URL of one service instance, which sets the event whenever its state changes.</summary>
    public CircuitBreaker Add(string url, AsyncAutoResetEvent stateChanged)
    {
        var breaker = new CircuitBreaker(url, stateChanged, Backoff, time);
        lock (_gate)
            _breakers.Add(breaker);
        return breaker;
    }

    /// <summary>Removes a breaker that is no longer used.</summary>
    public void Remove(CircuitBreaker breaker)
    {
        lock (_gate)
            _breakers.Remove(breaker);
    }
}
