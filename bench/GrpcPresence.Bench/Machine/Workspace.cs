namespace GrpcPresence.Bench.Machine;

/// <summary>A directory for the data of servers, on the disk of temporary files. It is deleted at the end of the run.</summary>
internal sealed class Workspace : IDisposable
{
    private readonly DirectoryInfo _root = Directory.CreateTempSubdirectory("presence-bench-");
    private int _count;

    /// <summary>Returns a new path in the directory.</summary>
    public string NewPath(string name) => Path.Combine(_root.FullName, $"{Interlocked.Increment(ref _count)}-{name}");

    /// <inheritdoc/>
    public void Dispose() => _root.Delete(recursive: true);
}
