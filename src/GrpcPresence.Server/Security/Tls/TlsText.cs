using GrpcPresence.Server.Settings;

namespace GrpcPresence.Server.Security.Tls;

/// <summary>What the files of TLS hold at one time. Equal when every character is.</summary>
/// <param name="Certificate">The server's certificate and the intermediates above it.</param>
/// <param name="Key">Its private key.</param>
/// <param name="Authorities">The authorities of client certificates; null when clients are not asked for any.</param>
internal sealed record TlsText(string Certificate, string Key, string? Authorities)
{
    /// <summary>Reads the files that the settings name.</summary>
    /// <exception cref="SettingsException">A file cannot be read.</exception>
    public static TlsText Read(ServerSettings settings) => new(
        Read(nameof(settings.TlsCertificate), settings.TlsCertificate!),
        Read(nameof(settings.TlsKey), settings.TlsKey!),
        settings.ClientCertificateAuthorities is { } path ? Read(nameof(settings.ClientCertificateAuthorities), path) : null);

    /// <summary>Shows nothing, so that no key gets into a log.</summary>
    public override string ToString() => nameof(TlsText);

    private static string Read(string name, string path)
    {
        try
        {
            return File.ReadAllText(path);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw SettingsException.For(name, path, "must be a file that can be read");
        }
    }
}
