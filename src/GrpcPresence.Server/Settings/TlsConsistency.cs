namespace GrpcPresence.Server.Settings;

/// <summary>
/// Checks which TLS settings require others. A setting without effect is also a violation: an operator who names authorities believes that
/// the server checks clients.
/// </summary>
internal static class TlsConsistency
{
    /// <summary>Returns a line for each setting that requires another setting that is missing. Reads no file.</summary>
    public static IEnumerable<string> FindContradictions(ServerSettings settings)
    {
        var asksForCertificates = settings.ClientCertificates != ClientCertificates.None;
        (string Name, bool IsSet) certificate = (nameof(settings.TlsCertificate), settings.TlsCertificate is not null);
        (string Name, bool IsSet) key = (nameof(settings.TlsKey), settings.TlsKey is not null);
        (string Name, bool IsSet) clients = (nameof(settings.ClientCertificates), asksForCertificates);
        (string Name, bool IsSet) authorities =
            (nameof(settings.ClientCertificateAuthorities), settings.ClientCertificateAuthorities is not null);
        ((string Name, bool IsSet) Setting, (string Name, bool IsSet)[] Needs)[] rules =
        [
            (key, [certificate]),
            (certificate, [key]),
            (clients, [certificate, authorities]),
            (authorities, settings.NodeAddress is null ? [clients] : [certificate]), // nodes show certificates to each other
        ];
        return from rule in rules
               where rule.Setting.IsSet
               let missing = rule.Needs.Where(other => !other.IsSet).Select(other => SettingsCatalog.Get(other.Name).Key).ToList()
               where missing.Count > 0
               select $"{SettingsCatalog.Get(rule.Setting.Name).Key} has no effect alone. Also set {string.Join(" and ", missing)}.";
    }
}
