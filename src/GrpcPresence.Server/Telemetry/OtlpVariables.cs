using System.Globalization;
using GrpcPresence.Server.Settings;

namespace GrpcPresence.Server.Telemetry;

/// <summary>
/// Checks the standard variables of the OTLP exporter. The exporter reads them itself, but silently replaces an invalid value with its
/// default and then sends to the wrong place.
/// </summary>
internal static class OtlpVariables
{
    /// <summary>The variable that enables the export.</summary>
    public const string Endpoint = Prefix + "ENDPOINT";

    private const string Prefix = "OTEL_EXPORTER_OTLP_";
    private const string Disabled = "OTEL_SDK_DISABLED";
    private const string Headers = Prefix + "HEADERS";
    private const string IsProtocol = "must be grpc or http/protobuf";
    private const string IsTime = "must be a whole number of milliseconds, at least 1";
    private const string IsNumber = "must be a whole number, at least 1";

    private static readonly string[] Samplers =
    [
        "always_on", "always_off", "traceidratio", "parentbased_always_on", "parentbased_always_off", "parentbased_traceidratio",
    ];

    private static readonly (string Name, string Rule, Func<string, bool> IsValid)[] Rules =
    [
        (Disabled, "must be true or false", value => bool.TryParse(value, out _)),
        (Prefix + "PROTOCOL", IsProtocol, IsKnownProtocol),
        (Prefix + "METRICS_PROTOCOL", IsProtocol, IsKnownProtocol),
        (Prefix + "TRACES_PROTOCOL", IsProtocol, IsKnownProtocol),
        (Prefix + "TIMEOUT", IsTime, IsPositive),
        (Prefix + "METRICS_TIMEOUT", IsTime, IsPositive),
        (Prefix + "TRACES_TIMEOUT", IsTime, IsPositive),
        (Prefix + "COMPRESSION", "must be gzip or none", value => value.ToUpperInvariant() is "GZIP" or "NONE"),
        ("OTEL_METRIC_EXPORT_INTERVAL", IsTime, IsPositive),
        ("OTEL_METRIC_EXPORT_TIMEOUT", IsTime, IsPositive),
        ("OTEL_BSP_SCHEDULE_DELAY", IsTime, IsPositive),
        ("OTEL_BSP_EXPORT_TIMEOUT", IsTime, IsPositive),
        ("OTEL_BSP_MAX_QUEUE_SIZE", IsNumber, IsPositive),
        ("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", IsNumber, IsPositive),
        ("OTEL_TRACES_SAMPLER", $"must be one of {string.Join(", ", Samplers)}",
            value => Samplers.Contains(value, StringComparer.OrdinalIgnoreCase)),
        ("OTEL_TRACES_SAMPLER_ARG", "must be a number from 0 to 1", IsRatio),
    ];

    /// <summary>Returns the endpoint, or null when the export is off.</summary>
    /// <exception cref="SettingsException">A variable has a value that the exporter cannot use.</exception>
    public static Uri? ReadEndpoint(IConfiguration configuration)
    {
        if (configuration[Endpoint] is not { Length: > 0 } text || IsDisabled(configuration))
            return null;
        var endpoint = CheckEndpoint(Endpoint, text);
        foreach (var name in (string[])[Prefix + "METRICS_ENDPOINT", Prefix + "TRACES_ENDPOINT"])
        {
            if (configuration[name] is { Length: > 0 } own)
                CheckEndpoint(name, own);
        }
        foreach (var name in (string[])[Headers, Prefix + "METRICS_HEADERS", Prefix + "TRACES_HEADERS"])
        {
            // Headers carry API keys, so the message must not include the value.
            if (configuration[name] is { Length: > 0 } headers && !AreHeaders(headers))
                throw new SettingsException($"{name} is invalid. It must be a list of HTTP headers such as name=value,other=value.");
        }
        foreach (var (name, rule, isValid) in Rules)
            Check(configuration, name, rule, isValid);
        return endpoint;
    }

    private static Uri CheckEndpoint(string name, string text)
    {
        var isUrl = Uri.TryCreate(text, UriKind.Absolute, out var endpoint)
            && (endpoint.Scheme == Uri.UriSchemeHttp || endpoint.Scheme == Uri.UriSchemeHttps);
        Check(isUrl, name, "must be a URL with http or https, such as http://localhost:4317", text);
        return endpoint!;
    }

    // The standard variable that disables all of OpenTelemetry, which the SDK reads too.
    private static bool IsDisabled(IConfiguration configuration) =>
        bool.TryParse(configuration[Disabled], out var isDisabled) && isDisabled;

    private static void Check(IConfiguration configuration, string name, string rule, Func<string, bool> isValid)
    {
        if (configuration[name] is { Length: > 0 } value)
            Check(isValid(value.Trim()), name, rule, value);
    }

    private static void Check(bool isValid, string name, string rule, string value)
    {
        if (!isValid)
            throw new SettingsException(SettingsException.OneLine($"{name} \"{value}\" is invalid. It {rule}."));
    }

    /// <summary>
    /// Whether the exporter can send these headers. Asks the class that sends them, because it rejects what HTTP does not allow.
    /// </summary>
    private static bool AreHeaders(string text)
    {
        using var request = new HttpRequestMessage();
        foreach (var pair in Uri.UnescapeDataString(text).TrimEnd(',').Split(','))
        {
            if (pair.Split('=', 2) is not [var name, var value])
                return false;
            try
            {
                if (request.Headers.Contains(name.Trim()))
                    return false;
                request.Headers.Add(name.Trim(), value.Trim());
            }
            catch (Exception exception) when (exception is FormatException or InvalidOperationException or ArgumentException)
            {
                return false;
            }
        }
        return true;
    }

    private static bool IsKnownProtocol(string text) => text is "grpc" or "http/protobuf";

    private static bool IsPositive(string text) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number > 0;

    private static bool IsRatio(string text) =>
        double.TryParse(text, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var ratio) && ratio is >= 0 and <= 1;
}
