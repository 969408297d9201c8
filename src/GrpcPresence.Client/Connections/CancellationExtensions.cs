namespace GrpcPresence.Client.Connections;

/// <summary>
/// Cancels without waiting for what was registered. That may be code of the program, such as a provider of access tokens, which must hold
/// up neither a timer nor disposal.
/// </summary>
internal static class CancellationExtensions
{
    /// <summary>Cancels the source, unless it was disposed of.</summary>
    public static void TryCancel(this CancellationTokenSource source)
    {
        try
        {
            _ = source.CancelAsync();
        }
        catch (ObjectDisposedException)
        {
            // What it would end has ended already.
        }
    }

    /// <summary>Cancels the source, and disposes of it when what was registered has run. Disposed of earlier, it would not run.</summary>
    public static void CancelAndDispose(this CancellationTokenSource source) => _ = source.CancelAsync().ContinueWith(
        static (cancelled, source) =>
        {
            _ = cancelled.Exception; // of what was registered
            ((CancellationTokenSource)source!).Dispose();
        },
        source,
        CancellationToken.None,
        TaskContinuationOptions.ExecuteSynchronously,
        TaskScheduler.Default);
}
