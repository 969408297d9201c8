using GrpcPresence.Server.Security.Authorization;
using GrpcPresence.Server.Settings;

namespace GrpcPresence.Server.Rest.Metrics;

/// <summary>Where Prometheus reads the metrics.</summary>
internal static class MetricsEndpoint
{
    /// <summary>The path.</summary>
    public const string Path = AuthorizationTable.MetricsPath;

    /// <summary>Maps the path, where the settings have it.</summary>
    public static void MapMetrics(this WebApplication app)
    {
        if (app.Services.GetRequiredService<ServerSettings>().Metrics == MetricsMode.Off)
            return;
        app.MapPrometheusScrapingEndpoint(Path, meterProvider: null, branch => branch.UseMiddleware<MetricsMiddleware>(), optionsName: null)
            .WithDisplayName(Path);
    }
}
