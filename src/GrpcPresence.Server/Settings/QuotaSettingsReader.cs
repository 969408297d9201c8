using System.Globalization;
using GrpcPresence.Core.Quotas;

namespace GrpcPresence.Server.Settings;

/// <summary>Reads the quotas: a section for each kind of subject, with one whole number for each quota.</summary>
internal static class QuotaSettingsReader
{
    private static readonly string[] Subjects =
        [nameof(QuotaSettings.ServiceInstance), nameof(QuotaSettings.ApiKey), nameof(QuotaSettings.AccessToken)];

    private static readonly string[] OfCaller =
    [
        nameof(QuotaLimits.OpenStreams), nameof(QuotaLimits.WatchedUsers), nameof(QuotaLimits.HeartbeatsPerSecond), nameof(QuotaLimits.WritesPerSecond),
        nameof(QuotaLimits.NewStreamsPerSecond),
    ];

    private static readonly string[] OfServiceInstance = [.. OfCaller, nameof(QuotaLimits.Users)];

    /// <summary>The quotas; what is not set has its default.</summary>
    /// <param name="settings">The section of all settings.</param>
    /// <exception cref="SettingsException">A quota that does not exist, or a value that cannot be used.</exception>
    public static QuotaSettings Read(IConfiguration settings)
    {
        var section = settings.GetSection(QuotaSettings.Section);
        CheckNames(section, Subjects);
        var defaults = new QuotaSettings();
        return new QuotaSettings
        {
            ServiceInstance = Read(section, nameof(QuotaSettings.ServiceInstance), OfServiceInstance, defaults.ServiceInstance),
            ApiKey = Read(section, nameof(QuotaSettings.ApiKey), OfCaller, defaults.ApiKey),
            AccessToken = Read(section, nameof(QuotaSettings.AccessToken), OfCaller, defaults.AccessToken),
        };
    }

    private static QuotaLimits Read(IConfiguration quotas, string subject, IReadOnlyCollection<string> names, QuotaLimits unset)
    {
        var section = quotas.GetSection(subject);
        CheckNames(section, names);
        return new QuotaLimits
        {
            OpenStreams = Limit(section, nameof(unset.OpenStreams), unset.OpenStreams),
            WatchedUsers = Limit(section, nameof(unset.WatchedUsers), unset.WatchedUsers),
            HeartbeatsPerSecond = Limit(section, nameof(unset.HeartbeatsPerSecond), unset.HeartbeatsPerSecond),
            WritesPerSecond = Limit(section, nameof(unset.WritesPerSecond), unset.WritesPerSecond),
            NewStreamsPerSecond = Limit(section, nameof(unset.NewStreamsPerSecond), unset.NewStreamsPerSecond),
            Users = Limit(section, nameof(unset.Users), unset.Users),
        };
    }

    private static void CheckNames(IConfigurationSection section, IReadOnlyCollection<string> names)
    {
        var known = string.Join(", ", names);
        if (!string.IsNullOrEmpty(section.Value))
            throw new SettingsException($"{section.Path} is a section and takes no value; it holds {known}.");
        foreach (var setting in section.GetChildren())
        {
            if (!names.Contains(setting.Key, StringComparer.OrdinalIgnoreCase))
                throw new SettingsException($"{setting.Path} is not a setting; there are {known}.");
        }
    }

    private static int Limit(IConfigurationSection section, string name, int unset)
    {
        if (section[name] is not { } text)
            return unset;
        if (int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var limit) && limit > 0)
            return limit;
        throw SettingsException.For(
            $"{QuotaSettings.Section}:{section.Key}:{name}", text, $"must be a whole number from 1 to {int.MaxValue}");
    }
}
