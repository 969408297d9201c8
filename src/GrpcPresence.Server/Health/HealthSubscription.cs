using System.Threading.Channels;
using static Grpc.Health.V1.HealthCheckResponse.Types;

namespace GrpcPresence.Server.Health;

/// <summary>The queue of statuses that one watch has yet to send.</summary>
internal sealed class HealthSubscription(string name, Action<HealthSubscription> unsubscribe) : IDisposable
{
    /// <summary>
    /// The capacity of the queue. When a watch does not read, the oldest statuses are dropped, so that the current one always arrives.
    /// </summary>
    private const int Capacity = 16;

    private readonly Channel<ServingStatus> _statuses = Channel.CreateBounded<ServingStatus>(
        new BoundedChannelOptions(Capacity) { FullMode = BoundedChannelFullMode.DropOldest, SingleReader = true });

    /// <summary>The watched name.</summary>
    public string Name => name;

    /// <summary>The statuses, in order. The sequence ends when the server drains.</summary>
    public IAsyncEnumerable<ServingStatus> ReadAllAsync(CancellationToken cancellationToken) =>
        _statuses.Reader.ReadAllAsync(cancellationToken);

    /// <summary>Queues a status. The caller holds the lock of <see cref="HealthStatuses"/>.</summary>
    public void Enqueue(ServingStatus status) => _statuses.Writer.TryWrite(status);

    /// <summary>Ends the queue. The caller holds the lock of <see cref="HealthStatuses"/>.</summary>
    public void Complete() => _statuses.Writer.TryComplete();

    /// <inheritdoc/>
    public void Dispose() => unsubscribe(this);
}
