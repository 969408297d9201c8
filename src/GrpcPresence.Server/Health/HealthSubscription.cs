using System.Threading.Channels;
using static Grpc.Health.V1.HealthCheckResponse.Types;

namespace GrpcPresence.Server.Health;

/// <summary>The statuses that one watch has still to send.</summary>
internal sealed class HealthSubscription(string name, Action<HealthSubscription> unsubscribe) : IDisposable
{
    /// <summary>Statuses kept for a watch that does not read: the oldest make room, so that the present one always arrives.</summary>
    private const int Capacity = 16;

    private readonly Channel<ServingStatus> _statuses = Channel.CreateBounded<ServingStatus>(
        new BoundedChannelOptions(Capacity) { FullMode = BoundedChannelFullMode.DropOldest, SingleReader = true });

    /// <summary>What is watched.</summary>
    public string Name => name;

    /// <summary>The statuses, in order; ends when the server drains.</summary>
    public IAsyncEnumerable<ServingStatus> ReadAllAsync(CancellationToken cancellationToken) =>
        _statuses.Reader.ReadAllAsync(cancellationToken);

    /// <summary>Queues a status. Under the board's lock.</summary>
    public void Tell(ServingStatus status) => _statuses.Writer.TryWrite(status);

    /// <summary>No status follows. Under the board's lock.</summary>
    public void Complete() => _statuses.Writer.TryComplete();

    /// <inheritdoc/>
    public void Dispose() => unsubscribe(this);
}
