namespace Grpc.Core;

/// <summary>How a message is to be written.</summary>
[Flags]
public enum WriteFlags
{
    /// <summary>The message need not leave at once; it may wait for the next one.</summary>
    BufferHint = 0x1,

    /// <summary>The message goes uncompressed even when the call compresses.</summary>
    NoCompress = 0x2,
}
