namespace GrpcPresence.Core.Webhooks;

/// <summary>What became of one try to tell an event.</summary>
public enum WebhookOutcome
{
    /// <summary>The receiver took it.</summary>
    Taken,

    /// <summary>The receiver answered that it will never take it. It is not told again.</summary>
    Refused,

    /// <summary>The receiver was not reached, gave no answer in time, or one that may be another the next time.</summary>
    Failed,
}
