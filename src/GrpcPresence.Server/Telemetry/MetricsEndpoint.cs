using GrpcPresence.Server.Settings;

namespace GrpcPresence.Server.Telemetry;

/// <summary>Where Prometheus reads the metrics.</summary>
internal static class MetricsEndpoint
{
    /// <summary>The path.</summary>
    public const string Path = "/metrics";

    /// <summary>Maps the path, where the settings have it.</summary>
    public static void MapMetrics(this WebApplication app)
    {
        if (app.Services.GetRequiredService<ServerSettings>().Metrics == MetricsMode.Off)
            return;
        app.MapPrometheusScrapingEndpoint(Path, meterProvider: null, branch => branch.UseMiddleware<MetricsMiddleware>(), optionsName: null)
            .WithDisplayName(Path);
    }
}
