using GrpcPresence.Server.Settings;
using GrpcPresence.Server.Telemetry;

namespace GrpcPresence.Server.Security.Tls;

/// <summary>
/// Loads the TLS files, and holds the valid credentials in use. It compares the files by content, so that any way of replacing them works:
/// Kubernetes swaps a symbolic link above them, which a file watcher does not notice.
/// </summary>
internal sealed class TlsFiles
{
    /// <summary>How long before its expiry an unrenewed certificate causes a warning.</summary>
    private static readonly TimeSpan EndsSoon = TimeSpan.FromDays(7);

    private readonly ServerSettings _settings;
    private readonly TimeProvider _time;
    private readonly ILogger<TlsFiles> _logger;

    // Handshakes read it on any thread.
    private volatile TlsCredentials _current;

    // The content at the last check, valid or not; null when it could not be read. Only the thread that checks uses it.
    private TlsText? _seen;

    /// <summary>Loads the files.</summary>
    /// <exception cref="SettingsException">The files are invalid.</exception>
    public TlsFiles(ServerSettings settings, TimeProvider time, ILogger<TlsFiles> logger)
    {
        (_settings, _time, _logger) = (settings, time, logger);
        _seen = TlsText.Read(settings);
        _current = TlsCredentials.Load(_seen, settings);
        LogValidity(_current);
    }

    /// <summary>The credentials that new handshakes use.</summary>
    public TlsCredentials Current => _current;

    /// <summary>
    /// Checks whether the files have changed, and uses their new contents. Invalid contents are logged once, and the previous credentials
    /// remain in use. Not for concurrent use.
    /// </summary>
    public void CheckForChanges()
    {
        TlsText? text = null;
        try
        {
            text = TlsText.Read(_settings);
            if (text != _seen)
                LogValidity(_current = TlsCredentials.Load(text, _settings));
        }
#pragma warning disable CA1031 // a server with a valid certificate must not stop because a new one is invalid
        catch (Exception exception)
#pragma warning restore CA1031
        {
            if (text != _seen)
                Log.TlsFilesInvalid(_logger, exception.Message);
        }
        _seen = text;
    }

    private void LogValidity(TlsCredentials credentials)
    {
        Log.TlsInForce(_logger, credentials.Thumbprint, credentials.NotAfter, credentials.Authorities.Count);
        var left = credentials.NotAfter - _time.GetUtcNow();
        if (left <= TimeSpan.Zero)
            Log.TlsEnded(_logger, credentials.Thumbprint, credentials.NotAfter);
        else if (left < EndsSoon)
            Log.TlsEndsSoon(_logger, credentials.Thumbprint, credentials.NotAfter);
    }
}
