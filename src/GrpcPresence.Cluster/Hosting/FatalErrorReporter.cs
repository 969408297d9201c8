
namespace GrpcPresence.Cluster.Hosting;

/// <summary>
/// Reports to the owner that the silo has ended: the others have declared it dead, or its membership failed. The one of Orleans sleeps 2 s
/// and then ends the process; until then the process would go on answering.
/// </summary>
internal sealed class FatalErrorReporter(Action<string, Exception?> report) : IFatalErrorHandler
{
    /// <inheritdoc/>
    public bool IsUnexpected(Exception exception) => true;

    /// <inheritdoc/>
    public void OnFatalException(object? sender = null, string? context = null, Exception? exception = null) =>
        report(context ?? exception?.Message ?? "unknown", exception);
}
