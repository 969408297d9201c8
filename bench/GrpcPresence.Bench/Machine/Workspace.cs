namespace GrpcPresence.Bench.Machine;

/// <summary>A directory for the data of servers, on the disk that temporary files are on; it goes with the run.</summary>
internal sealed class Workspace : IDisposable
{
    private readonly DirectoryInfo _root = Directory.CreateTempSubdirectory("presence-bench-");
    private int _count;

    /// <summary>A path in it that nobody uses yet.</summary>
    public string NewPath(string name) => Path.Combine(_root.FullName, $"{Interlocked.Increment(ref _count)}-{name}");

    /// <inheritdoc/>
    public void Dispose() => _root.Delete(recursive: true);
}
