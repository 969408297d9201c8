namespace GrpcPresence.Core.Webhooks;

/// <summary>Whether an event may be sent to a receiver now.</summary>
internal enum Permit
{
    /// <summary>No: the circuit is open.</summary>
    None,

    /// <summary>Yes.</summary>
    Free,

    /// <summary>Yes, as the one try that shows whether the receiver lives again.</summary>
    Trial,
}
