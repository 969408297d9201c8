using System.Diagnostics;
using System.Reflection;
using GrpcPresence.Core.Telemetry;
using GrpcPresence.Server.Settings;
using Microsoft.Extensions.Diagnostics.Metrics;
using OpenTelemetry.Metrics;
using OpenTelemetry.Resources;
using OpenTelemetry.Trace;

namespace GrpcPresence.Server.Telemetry;

/// <summary>Configures the metrics and traces that the server offers.</summary>
internal static class TelemetrySetup
{
    private const string ServiceName = "grpc-presence";
    private const string HostingMeter = "Microsoft.AspNetCore.Hosting";
    private const string KestrelMeter = "Microsoft.AspNetCore.Server.Kestrel";
    private const string QueuedRequests = "kestrel.queued_requests";

    // OpenTelemetry listens to this name.
    private const string Listener = "OpenTelemetry";

    /// <summary>
    /// Adds the Prometheus exporter if the settings enable it, and the OTLP export if a variable names an endpoint. Without either, no
    /// listener is attached to any instrument.
    /// </summary>
    /// <exception cref="SettingsException">A variable of the exporter has an invalid value.</exception>
    public static void AddTelemetry(this IServiceCollection services, ServerSettings settings, IConfiguration configuration)
    {
        var endpoint = OtlpVariables.ReadEndpoint(configuration);
        if (endpoint is null && settings.Metrics == MetricsMode.Off)
            return;
        services.AddMetrics(metrics => Enable(metrics, withCalls: endpoint is not null || settings.Metrics == MetricsMode.All));
        var telemetry = services.AddOpenTelemetry().ConfigureResource(Describe);
        telemetry.WithMetrics(metrics =>
        {
            metrics.AddRuntimeInstrumentation();
            if (settings.Metrics != MetricsMode.Off)
                metrics.AddPrometheusExporter(prometheus => prometheus.ScopeInfoEnabled = false);
            if (endpoint is not null)
                metrics.AddOtlpExporter();
        });
        if (endpoint is null)
            return;
        // Only with an exporter: as soon as a listener is attached to traces, the framework creates an activity for each call.
        telemetry.WithTracing(traces => traces
            .AddAspNetCoreInstrumentation(options => options.EnrichWithHttpResponse = RemovePath)
            .AddOtlpExporter());
        services.AddHostedService(provider => ActivatorUtilities.CreateInstance<TelemetryExport>(provider, endpoint));
    }

    /// <summary>
    /// Builds the providers. Call this before opening the store, so that an invalid variable does not create or lock a database.
    /// </summary>
    /// <exception cref="SettingsException">A variable of OpenTelemetry has an invalid value.</exception>
    public static void BuildTelemetry(this IServiceProvider services)
    {
        try
        {
            services.GetService<MeterProvider>();
            services.GetService<TracerProvider>();
        }
#pragma warning disable CA1031 // each variable fails in a way of its own
        catch (Exception exception)
#pragma warning restore CA1031
        {
            var reason = exception.Message.ReplaceLineEndings(" ");
            throw new SettingsException($"OpenTelemetry cannot start. Check the variables that begin with OTEL_: {reason}");
        }
    }

    /// <summary>
    /// Enables instruments. The hosting meter and the number of queued requests are recorded with each call. A unary heartbeat of 4.6 µs
    /// then takes 5.3 µs of CPU, 14 % more, half of it for the queued requests. The other instruments are recorded once per connection,
    /// commit or rejection, and add no measurable cost to a heartbeat (P1: 1.18 with them, 1.17 without). The scope is local, because a
    /// process may run several servers, and each reports only its own measurements.
    /// </summary>
    private static void Enable(IMetricsBuilder metrics, bool withCalls)
    {
        metrics.EnableMetrics(PresenceMetrics.MeterName, instrumentName: null, Listener, MeterScope.Local);
        metrics.EnableMetrics(KestrelMeter, instrumentName: null, Listener, MeterScope.Local);
        if (withCalls)
            metrics.EnableMetrics(HostingMeter, instrumentName: null, Listener, MeterScope.Local);
        else
            metrics.DisableMetrics(KestrelMeter, QueuedRequests, Listener, MeterScope.Local);
    }

    // OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES are read last, so that they take precedence.
    private static void Describe(ResourceBuilder resource) => resource
        .AddService(ServiceName, serviceVersion: Version)
        .AddEnvironmentVariableDetector();

    private static string? Version =>
        typeof(TelemetrySetup).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion.Split('+')[0];

    // A REST path contains identities. The route, which the trace also has, already identifies the operation.
    private static void RemovePath(Activity activity, HttpResponse response)
    {
        activity.SetTag("url.path", (response.HttpContext.GetEndpoint() as RouteEndpoint)?.RoutePattern.RawText);
        activity.SetTag("url.query", null);
    }
}
