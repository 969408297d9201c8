using GrpcPresence.Server.Settings;
using GrpcPresence.Server.Telemetry;

namespace GrpcPresence.Server.Security.Tls;

/// <summary>
/// The files of TLS, and what is in force of them. They are compared by what they hold, so that it does not matter how they were replaced: Kubernetes
/// swaps a symbolic link above them, which a watcher of files does not see.
/// </summary>
internal sealed class TlsFiles
{
    /// <summary>The rest of a certificate's time at which whoever should have renewed it has evidently not.</summary>
    private static readonly TimeSpan EndsSoon = TimeSpan.FromDays(7);

    private readonly ServerSettings _settings;
    private readonly TimeProvider _time;
    private readonly ILogger<TlsFiles> _logger;

    // Handshakes read it on any thread.
    private volatile TlsCredentials _current;

    // What was last looked at, whether it could be used or not; null when it could not be read. Only for who looks.
    private TlsText? _seen;

    /// <summary>Loads the files.</summary>
    /// <exception cref="SettingsException">They cannot be used.</exception>
    public TlsFiles(ServerSettings settings, TimeProvider time, ILogger<TlsFiles> logger)
    {
        (_settings, _time, _logger) = (settings, time, logger);
        _seen = TlsText.Read(settings);
        _current = TlsCredentials.Load(_seen, settings);
        Tell(_current);
    }

    /// <summary>What new handshakes use.</summary>
    public TlsCredentials Current => _current;

    /// <summary>
    /// Looks whether the files have changed, and puts into force what they hold. What cannot be used is logged once, and what was in force stays so.
    /// Not for two threads at once.
    /// </summary>
    public void Look()
    {
        TlsText? text = null;
        try
        {
            text = TlsText.Read(_settings);
            if (text != _seen)
                Tell(_current = TlsCredentials.Load(text, _settings));
        }
#pragma warning disable CA1031 // a server with a good certificate must not end because of whatever is wrong with another
        catch (Exception exception)
#pragma warning restore CA1031
        {
            if (text != _seen)
                Log.TlsFilesRefused(_logger, exception.Message);
        }
        _seen = text;
    }

    private void Tell(TlsCredentials credentials)
    {
        Log.TlsInForce(_logger, credentials.Thumbprint, credentials.NotAfter, credentials.Authorities.Count);
        var left = credentials.NotAfter - _time.GetUtcNow();
        if (left <= TimeSpan.Zero)
            Log.TlsEnded(_logger, credentials.Thumbprint, credentials.NotAfter);
        else if (left < EndsSoon)
            Log.TlsEndsSoon(_logger, credentials.Thumbprint, credentials.NotAfter);
    }
}
