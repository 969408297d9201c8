using GrpcPresence.Core.Metrics;
using OpenTelemetry;
using OpenTelemetry.Metrics;
using OpenTelemetry.Resources;
using OpenTelemetry.Trace;

namespace GrpcPresence.Server.Telemetry;

/// <summary>
/// Sends metrics and traces over OTLP. The exporter reads the standard <c>OTEL_EXPORTER_OTLP_*</c> variables itself. Dispose of it after the host,
/// so that the last values are sent.
/// </summary>
internal sealed class TelemetryExport : IDisposable
{
    /// <summary>The variable that switches the export on.</summary>
    public const string EndpointVariable = "OTEL_EXPORTER_OTLP_ENDPOINT";

    private const string ServiceName = "grpc-presence";
    private static readonly string[] Meters =
        [PresenceMetrics.MeterName, "Microsoft.AspNetCore.Hosting", "Microsoft.AspNetCore.Server.Kestrel", "System.Runtime"];

    private readonly MeterProvider _meters;
    private readonly TracerProvider _traces;

    private TelemetryExport(string endpoint)
    {
        Endpoint = endpoint;
        var resource = ResourceBuilder.CreateDefault().AddService(ServiceName);
        _meters = Sdk.CreateMeterProviderBuilder().SetResourceBuilder(resource).AddMeter(Meters).AddOtlpExporter().Build();
        _traces = Sdk.CreateTracerProviderBuilder().SetResourceBuilder(resource).AddSource("Microsoft.AspNetCore").AddOtlpExporter().Build();
    }

    /// <summary>Where metrics and traces go.</summary>
    public string Endpoint { get; }

    /// <summary>Begins to export, if an endpoint is set.</summary>
    public static TelemetryExport? Start(IConfiguration configuration) =>
        configuration[EndpointVariable] is { Length: > 0 } endpoint ? new TelemetryExport(endpoint) : null;

    /// <inheritdoc/>
    public void Dispose()
    {
        _meters.Dispose();
        _traces.Dispose();
    }
}
