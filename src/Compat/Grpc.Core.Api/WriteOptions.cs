namespace Grpc.Core;

/// <summary>How the messages of a stream or a call are to be written.</summary>
/// <param name="flags">The flags to set; none by default.</param>
public class WriteOptions(WriteFlags flags = default)
{
    /// <summary>No flags.</summary>
    public static readonly WriteOptions Default = new();

    /// <summary>The flags that are set.</summary>
    public WriteFlags Flags { get; } = flags;
}
