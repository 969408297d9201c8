namespace GrpcPresence.Core.Domain.Errors;

/// <summary>
/// A call was rejected for a documented reason. The transport maps it by <see cref="Reason"/> alone; the message is for people.
/// </summary>
public class PresenceException : Exception
{
    /// <summary>Creates an error with one reason.</summary>
    public PresenceException(ErrorReason reason, string message, Exception? inner = null)
        : base(message, inner) => Reason = reason;

    /// <summary>Creates an error that lists everything wrong with a request. Its reason is the first violation's.</summary>
    public PresenceException(IReadOnlyList<Violation> violations)
        : this(violations[0].Reason, string.Join("; ", violations.Select(v => $"{v.Field}: {v.Description}"))) => Violations = violations;

    /// <summary>The reason.</summary>
    public ErrorReason Reason { get; }

    /// <summary>Everything that is wrong with the request; empty when the request is well-formed.</summary>
    public IReadOnlyList<Violation> Violations { get; } = [];

    /// <summary>The details that the reason's documentation promises.</summary>
    public IReadOnlyDictionary<string, string> Details { get; init; } = new Dictionary<string, string>();

    /// <summary>
    /// The time after which the same call may succeed. Null where the status of the reason already says it, or where waiting does not help.
    /// </summary>
    public TimeSpan? RetryAfter { get; init; }
}
