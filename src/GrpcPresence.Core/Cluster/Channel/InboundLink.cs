namespace GrpcPresence.Core.Cluster.Channel;

/// <summary>
/// The receiving side of a link from one run of a node: gives each batch to the receiver once, and one after the other. Safe from any
/// thread.
/// </summary>
internal sealed class InboundLink
{
    private readonly Lock _gate = new(); // guards both fields; nothing is called under it
    private long _taken; // the number of the last batch that was given to the receiver
    private bool _isDelivering;

    /// <summary>Decides about a batch that has arrived.</summary>
    public Arrival Arrive(long number)
    {
        lock (_gate)
        {
            // Until the receiver has returned, not even an earlier batch is acknowledged: the sender would send the next one, which
            // would overtake the rest of this one. The sender repeats what is ignored here.
            if (_isDelivering)
                return Arrival.Ignore;
            if (number <= _taken)
                return Arrival.Acknowledge;
            _taken = number;
            _isDelivering = true;
            return Arrival.Deliver;
        }
    }

    /// <summary>The receiver has returned from a batch.</summary>
    public void Complete()
    {
        lock (_gate)
            _isDelivering = false;
    }
}

/// <summary>What is to be done with a batch that has arrived.</summary>
internal enum Arrival
{
    /// <summary>Nothing.</summary>
    Ignore,

    /// <summary>Acknowledge it only: it was delivered before.</summary>
    Acknowledge,

    /// <summary>Deliver it, call <see cref="InboundLink.Complete"/>, and acknowledge it.</summary>
    Deliver,
}
