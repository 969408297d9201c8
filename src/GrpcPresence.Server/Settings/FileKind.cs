namespace GrpcPresence.Server.Settings;

/// <summary>What is at a path.</summary>
internal enum FileKind
{
    /// <summary>Nothing, or the kind cannot be determined.</summary>
    Unknown,

    /// <summary>A file with content.</summary>
    Plain,

    /// <summary>A directory.</summary>
    Directory,

    /// <summary>A Unix socket.</summary>
    Socket,

    /// <summary>A named pipe. To open it waits for another process.</summary>
    Pipe,

    /// <summary>A device, such as a terminal.</summary>
    Device,
}
