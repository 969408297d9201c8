namespace GrpcPresence.Core.Domain.Errors;

/// <summary>A call was refused for a documented reason. The transport maps it by <see cref="Reason"/> alone; the message is for people.</summary>
public class PresenceException : Exception
{
    /// <summary>A refusal with a reason.</summary>
    public PresenceException(ErrorReason reason, string message, Exception? inner = null)
        : base(message, inner) => Reason = reason;

    /// <summary>A refusal of a request with all that is wrong with it; the reason is the first violation's.</summary>
    public PresenceException(IReadOnlyList<Violation> violations)
        : this(violations[0].Reason, string.Join("; ", violations.Select(v => $"{v.Field}: {v.Description}"))) => Violations = violations;

    /// <summary>Why.</summary>
    public ErrorReason Reason { get; }

    /// <summary>Everything that is wrong with the request; empty when the request is well-formed.</summary>
    public IReadOnlyList<Violation> Violations { get; } = [];

    /// <summary>What the reason's documentation promises beside it.</summary>
    public IReadOnlyDictionary<string, string> Details { get; init; } = new Dictionary<string, string>();

    /// <summary>After which time the same call may succeed; null where the reason's status alone says so, or no time helps.</summary>
    public TimeSpan? RetryAfter { get; init; }
}
