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
    private const string Protocol = Prefix + "PROTOCOL";
    private const string Timeout = Prefix + "TIMEOUT";
    private const string Compression = Prefix + "COMPRESSION";

    /// <summary>Returns the endpoint, or null when the export is off.</summary>
    /// <exception cref="SettingsException">A variable has a value that the exporter cannot use.</exception>
    public static Uri? ReadEndpoint(IConfiguration configuration)
    {
        if (configuration[Endpoint] is not { Length: > 0 } text || IsDisabled(configuration))
            return null;
        var isUrl = Uri.TryCreate(text, UriKind.Absolute, out var endpoint)
            && (endpoint.Scheme == Uri.UriSchemeHttp || endpoint.Scheme == Uri.UriSchemeHttps);
        Check(isUrl, Endpoint, "must be a URL with http or https, such as http://localhost:4317", text);
        // Headers carry API keys, so the message must not include the value.
        if (configuration[Headers] is { Length: > 0 } headers && !AreHeaders(headers))
            throw new SettingsException($"{Headers} is invalid. It must be a list of HTTP headers such as name=value,other=value.");
        Check(configuration, Protocol, "must be grpc or http/protobuf", value => value is "grpc" or "http/protobuf");
        Check(configuration, Timeout, "must be a whole number of milliseconds, at least 1", IsDuration);
        Check(configuration, Compression, "must be gzip or none", value => value.ToUpperInvariant() is "GZIP" or "NONE");
        return endpoint;
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
            throw new SettingsException($"{name} \"{value}\" is invalid. It {rule}.");
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

    private static bool IsDuration(string text) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var milliseconds) && milliseconds > 0;
}
