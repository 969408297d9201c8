namespace GrpcPresence.Core.Webhooks;

/// <summary>A user whose events failed, and are still owed to the receiver.</summary>
internal sealed class OwedUser
{
    /// <summary>The revision up to which the receiver knows of the user; reasons are counted from it.</summary>
    public required long Base { get; init; }

    /// <summary>The first revision that is owed: a restart must begin before it.</summary>
    public long FirstOwed { get; set; }

    /// <summary>Whether the creation was told, and only what came with it or after it failed.</summary>
    public bool IsCreationTold { get; set; }

    /// <summary>Tries that failed.</summary>
    public int Failures { get; set; }

    /// <summary>Tries that failed while the receiver lived: it took other events between this one and the one before.</summary>
    public int FailuresAlive { get; set; }

    /// <summary>How many events the receiver had taken at the last failure.</summary>
    public long TakenBefore { get; set; }

    /// <summary>When to try again, on the monotonic clock.</summary>
    public TimeSpan DueAt { get; set; }
}
