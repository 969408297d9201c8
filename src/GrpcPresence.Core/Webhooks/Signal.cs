using System.Threading.Channels;

namespace GrpcPresence.Core.Webhooks;

/// <summary>Wakes the one that waits; set while nobody waits, it is kept for the next wait, once. Safe from any thread.</summary>
internal sealed class Signal
{
    private readonly Channel<bool> _channel = Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });

    /// <summary>Whether it is set.</summary>
    public bool IsSet => _channel.Reader.Count > 0;

    /// <summary>Sets it. Never waits, and runs nothing of who waits.</summary>
    public void Set() => _channel.Writer.TryWrite(true);

    /// <summary>Waits until it is set, and resets it.</summary>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public ValueTask<bool> WaitAsync(CancellationToken cancellationToken) => _channel.Reader.ReadAsync(cancellationToken);
}
