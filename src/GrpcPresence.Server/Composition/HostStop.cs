namespace GrpcPresence.Server.Composition;

/// <summary>
/// Stops servers whatever happened to them. Disposing of a host does not stop its services: they would go on with disposed dependencies.
/// </summary>
internal static class HostStop
{
    /// <summary>
    /// Stops the server unless it has stopped. A server that could not start is stopped too, because some of its services may run.
    /// </summary>
    public static Task EnsureStoppedAsync(this WebApplication app) =>
        app.Lifetime.ApplicationStopped.IsCancellationRequested ? Task.CompletedTask : app.StopAsync();
}
