namespace GrpcPresence.Cluster.Wire;

/// <summary>What became of the bytes of a message.</summary>
internal enum DecodeResult
{
    /// <summary>They were read.</summary>
    Decoded,

    /// <summary>A later version has sent a kind of message that this one does not know.</summary>
    Unknown,

    /// <summary>They were sent to another run of this node.</summary>
    OtherRun,

    /// <summary>They are not a message.</summary>
    Invalid,
}
