namespace Grpc.Core;

/// <summary>What a call that is made while serving another takes over from that one.</summary>
/// <param name="propagateDeadline">Whether it takes over the deadline.</param>
/// <param name="propagateCancellation">Whether it is cancelled with the other.</param>
public class ContextPropagationOptions(bool propagateDeadline = true, bool propagateCancellation = true)
{
    /// <summary>Takes over both.</summary>
    public static readonly ContextPropagationOptions Default = new();

    /// <summary>Whether the deadline is taken over.</summary>
    public bool IsPropagateDeadline { get; } = propagateDeadline;

    /// <summary>Whether cancellation is taken over.</summary>
    public bool IsPropagateCancellation { get; } = propagateCancellation;
}
