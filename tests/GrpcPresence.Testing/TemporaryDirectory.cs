namespace GrpcPresence.Testing;

/// <summary>A directory that goes with the test.</summary>
public sealed class TemporaryDirectory : IDisposable
{
    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("grpc-presence-tests-");

    /// <summary>The full path of a file in it.</summary>
    public string File(string name) => System.IO.Path.Combine(_directory.FullName, name);

    /// <inheritdoc/>
    public void Dispose() => _directory.Delete(recursive: true);
}
