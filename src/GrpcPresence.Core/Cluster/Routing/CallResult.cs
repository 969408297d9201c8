using GrpcPresence.Core.Cluster.Shards;
using GrpcPresence.Core.Domain.Errors;

namespace GrpcPresence.Core.Cluster.Routing;

/// <summary>What became of a call at its owner. Immutable.</summary>
public abstract record CallResult
{
    private protected CallResult()
    {
    }

    /// <summary>The approximate number of bytes on the wire.</summary>
    public abstract int Size { get; }

    /// <summary>The call succeeded.</summary>
    /// <param name="Response">The response of <see cref="ICallExecutor"/>; empty for heartbeats and ends of sessions.</param>
    public sealed record Done(CallResponse Response) : CallResult
    {
        /// <summary>The result of a call without a response.</summary>
        public static Done Empty { get; } = new(default(CallResponse));

        /// <inheritdoc/>
        public override int Size => 4 + Response.Body.Length;
    }

    /// <summary>The call failed.</summary>
    /// <param name="Error">The error.</param>
    public sealed record Failed(CallError Error) : CallResult
    {
        /// <inheritdoc/>
        public override int Size => 256;
    }

    /// <summary>Nothing has happened, because the receiver does not own the shard.</summary>
    /// <param name="Holder">The holder of the shard, as the receiver knows it.</param>
    public sealed record Moved(KnownHolder Holder) : CallResult
    {
        /// <inheritdoc/>
        public override int Size => 64;
    }
}

/// <summary>An error that another node reports. Immutable.</summary>
/// <param name="Reason">The reason.</param>
/// <param name="Message">The message for people.</param>
/// <param name="Violations">Everything that is wrong with the request.</param>
/// <param name="Details">The details that the reason's documentation promises.</param>
/// <param name="RetryAfter">The time after which the same call may succeed, or null.</param>
public sealed record CallError(
    ErrorReason Reason,
    string Message,
    IReadOnlyList<Violation> Violations,
    IReadOnlyDictionary<string, string> Details,
    TimeSpan? RetryAfter)
{
    /// <summary>Returns the error as another node receives it.</summary>
    public static CallError Of(PresenceException error) =>
        new(error.Reason, error.Message, error.Violations, error.Details, error.RetryAfter);

    /// <summary>Returns the error as this node throws it.</summary>
    public PresenceException ToException() => Violations.Count > 0
        ? new PresenceException(Violations) { Details = Details, RetryAfter = RetryAfter }
        : new PresenceException(Reason, Message) { Details = Details, RetryAfter = RetryAfter };
}
