namespace GrpcPresence.Server.Composition;

/// <summary>
/// Stops servers in every case. Disposing a host does not stop its services: they would continue with disposed dependencies.
/// </summary>
internal static class HostStop
{
    /// <summary>
    /// Stops the server unless it has already stopped. A server that failed to start is stopped too, because some of its services may run.
    /// </summary>
    public static Task EnsureStoppedAsync(this WebApplication app) =>
        app.Lifetime.ApplicationStopped.IsCancellationRequested ? Task.CompletedTask : app.StopAsync();
}
