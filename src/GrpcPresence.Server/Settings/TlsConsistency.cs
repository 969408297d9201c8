namespace GrpcPresence.Server.Settings;

/// <summary>
/// Which settings of TLS need which others. A setting that would have no effect is refused too: who names authorities believes that clients
/// are checked.
/// </summary>
internal static class TlsConsistency
{
    /// <summary>Checks that settings of TLS do not contradict each other. Reads no file.</summary>
    /// <exception cref="SettingsException">A setting needs another one that is not set.</exception>
    public static void Check(ServerSettings settings)
    {
        var asksForCertificates = settings.ClientCertificates != ClientCertificates.None;
        Need(settings.TlsKey is not null, nameof(settings.TlsKey), settings.TlsCertificate is not null, nameof(settings.TlsCertificate));
        Need(settings.TlsCertificate is not null, nameof(settings.TlsCertificate), settings.TlsKey is not null, nameof(settings.TlsKey));
        Need(asksForCertificates, nameof(settings.ClientCertificates), settings.TlsCertificate is not null, nameof(settings.TlsCertificate));
        Need(
            asksForCertificates,
            nameof(settings.ClientCertificates),
            settings.ClientCertificateAuthorities is not null,
            nameof(settings.ClientCertificateAuthorities));
        Need(
            settings.ClientCertificateAuthorities is not null,
            nameof(settings.ClientCertificateAuthorities),
            asksForCertificates,
            nameof(settings.ClientCertificates));
    }

    private static void Need(bool isSet, string name, bool isOtherSet, string other)
    {
        if (isSet && !isOtherSet)
            throw new SettingsException($"{ServerSettings.Section}:{name} also needs {ServerSettings.Section}:{other}.");
    }
}
