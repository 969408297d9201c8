using System.Net;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace GrpcPresence.Server.Health;

/// <summary>
/// Answers HTTP probes on a loopback port of their own, without TLS. Where clients must present a certificate, a probe cannot use the other
/// ports. The port serves nothing else, so it needs no credentials.
/// </summary>
internal static class HealthProbe
{
    private static readonly object Mark = new();

    /// <summary>Adds the listener.</summary>
    /// <param name="kestrel">The server.</param>
    /// <param name="port">The port.</param>
    /// <param name="bound">Bounds the connections of the listener.</param>
    public static void ListenForProbes(this KestrelServerOptions kestrel, int port, Action<ListenOptions> bound) => kestrel.Listen(
        IPAddress.Loopback, port, listen =>
    {
        listen.Protocols = HttpProtocols.Http1;
        bound(listen);
        listen.Use(next => connection =>
        {
            connection.Items[Mark] = Mark;
            return next(connection);
        });
    });

    /// <summary>
    /// Answers requests of that port before anything else sees them: with 200 while the server serves, and with 503 while it stops.
    /// </summary>
    public static void UseHealthProbe(this WebApplication app)
    {
        var statuses = app.Services.GetRequiredService<HealthStatuses>();
        app.Use((http, next) =>
        {
            if (http.Features.Get<IConnectionItemsFeature>()?.Items.ContainsKey(Mark) != true)
                return next(http);
            var isServing = statuses.Find(HealthStatuses.Server) == global::Grpc.Health.V1.HealthCheckResponse.Types.ServingStatus.Serving;
            http.Response.StatusCode = isServing ? StatusCodes.Status200OK : StatusCodes.Status503ServiceUnavailable;
            return Task.CompletedTask;
        });
    }
}
