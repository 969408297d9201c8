using System.Threading.Channels;

namespace GrpcPresence.Client.Connections;

/// <summary>Wakes one waiting loop. A wake-up that comes while the loop works is kept, and more of them count once.</summary>
internal sealed class WakeUp
{
    private readonly Channel<bool> _signal = Channel.CreateBounded<bool>(
        new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite, SingleReader = true });

    /// <summary>Wakes the loop.</summary>
    public void Set() => _signal.Writer.TryWrite(true);

    /// <summary>Waits for a wake-up.</summary>
    public async ValueTask WaitAsync(CancellationToken cancellationToken) =>
        await _signal.Reader.ReadAsync(cancellationToken).ConfigureAwait(false);
}
