using GrpcPresence.Core.Threading;

namespace GrpcPresence.Core.Webhooks;

/// <summary>The circuit breakers of all endpoints in use, one per URL. Safe from any thread.</summary>
internal sealed class CircuitBreakers(Random random, TimeProvider time)
{
    // Guards the map of breakers. A breaker's lock may be taken inside it, never the other way round. No I/O, await or log happens under
    // it.
    private readonly Lock _gate = new();
    private readonly Dictionary<string, CircuitBreaker> _breakers = new(StringComparer.Ordinal);

    /// <summary>The delays of breakers and of delivery loops share one source of jitter.</summary>
    public Backoff Backoff { get; } = new(random);

    /// <summary>The number of breakers that are open or half-open.</summary>
    public int OpenCount
    {
        get
        {
            lock (_gate)
                return _breakers.Values.Count(breaker => breaker.IsOpen);
        }
    }

    /// <summary>Returns the breaker of the URL, which sets the event from now on whenever its state changes.</summary>
    public CircuitBreaker Subscribe(string url, AsyncAutoResetEvent stateChanged)
    {
        lock (_gate)
        {
            if (!_breakers.TryGetValue(url, out var breaker))
                _breakers[url] = breaker = new CircuitBreaker(url, Backoff, time);
            breaker.AddSubscriber(stateChanged);
            return breaker;
        }
    }

    /// <summary>Ends the subscription. A breaker without subscribers is removed, and its state with it.</summary>
    public void Unsubscribe(CircuitBreaker breaker, AsyncAutoResetEvent stateChanged)
    {
        lock (_gate)
        {
            if (breaker.RemoveSubscriber(stateChanged))
                _breakers.Remove(breaker.Url);
        }
    }
}
