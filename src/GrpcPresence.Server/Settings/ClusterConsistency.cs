using System.Net;

namespace GrpcPresence.Server.Settings;

/// <summary>Checks the settings of a cluster node against the others.</summary>
internal static class ClusterConsistency
{
    /// <summary>Returns a line for each contradiction. Reads no file.</summary>
    /// <param name="settings">The settings.</param>
    /// <param name="isSet">Whether the configuration gives a setting.</param>
    public static IEnumerable<string> FindContradictions(ServerSettings settings, Func<string, bool> isSet)
    {
        if (settings.NodeAddress is not { } address)
        {
            if (isSet(nameof(settings.ClusterId)))
                yield return $"{KeyOf(nameof(settings.ClusterId))} has no effect alone. Also set {KeyOf(nameof(settings.NodeAddress))}.";
            yield break;
        }
        if (settings.Postgres is null)
            yield return $"{KeyOf(nameof(settings.NodeAddress))} has no effect alone. Also set {KeyOf(nameof(settings.Postgres))}.";
        if (!IPAddress.IsLoopback(address.Address)
            && (settings.TlsCertificate is null || settings.ClientCertificateAuthorities is null))
        {
            yield return $"{KeyOf(nameof(settings.NodeAddress))} {address} is not a loopback address, and nodes believe each other. Also "
                + $"set {KeyOf(nameof(settings.TlsCertificate))}, {KeyOf(nameof(settings.TlsKey))} and "
                + $"{KeyOf(nameof(settings.ClientCertificateAuthorities))}, so that they prove who they are.";
        }
    }

    private static string KeyOf(string name) => SettingsCatalog.Get(name).Key;
}
