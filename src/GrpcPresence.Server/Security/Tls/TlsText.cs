using GrpcPresence.Server.Settings;

namespace GrpcPresence.Server.Security.Tls;

/// <summary>The contents of the TLS files at one time. Two values are equal if all texts are equal.</summary>
/// <param name="Certificate">The server's certificate and the intermediates above it.</param>
/// <param name="Key">The private key.</param>
/// <param name="Authorities">The authorities of client certificates; null when the server does not request any.</param>
internal sealed record TlsText(string Certificate, string Key, string? Authorities)
{
    /// <summary>Reads the files that the settings name.</summary>
    /// <exception cref="SettingsException">A file cannot be read.</exception>
    public static TlsText Read(ServerSettings settings) => new(
        Read(nameof(settings.TlsCertificate), settings.TlsCertificate!),
        Read(nameof(settings.TlsKey), settings.TlsKey!),
        settings.ClientCertificateAuthorities is { } path ? Read(nameof(settings.ClientCertificateAuthorities), path) : null);

    /// <summary>Returns only the name of the type, so that the key cannot reach a log.</summary>
    public override string ToString() => nameof(TlsText);

    private static string Read(string name, string path)
    {
        try
        {
            return File.ReadAllText(path);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw SettingsException.For(name, path, "cannot be read. Check that the file exists and that the server's user may read it");
        }
    }
}
