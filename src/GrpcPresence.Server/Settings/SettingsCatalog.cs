using System.ComponentModel;
using System.Reflection;
using GrpcPresence.Core.Quotas;
using GrpcPresence.Server.Settings.Attributes;

namespace GrpcPresence.Server.Settings;

/// <summary>Every setting, in the order in which <see cref="ServerSettings"/> and <see cref="QuotaSettings"/> declare them.</summary>
internal static class SettingsCatalog
{
    /// <summary>The settings of the server itself.</summary>
    public static readonly IReadOnlyList<Setting> Server =
    [
        .. from property in typeof(ServerSettings).GetProperties()
           let declaration = property.GetCustomAttribute<SettingAttribute>()
           where declaration is not null
           select new Setting(property.Name, declaration, property.GetValue, property.SetValue),
    ];

    /// <summary>The quotas, subject by subject.</summary>
    public static readonly IReadOnlyList<Setting> Quotas =
    [
        .. from subject in typeof(QuotaSettings).GetProperties()
           from quota in typeof(QuotaLimits).GetProperties()
           where QuotaSettings.Has(subject.Name, quota.Name)
           select new Setting(
               $"{nameof(ServerSettings.Quotas)}:{subject.Name}:{quota.Name}",
               new IntegerSettingAttribute(quota.GetCustomAttribute<DescriptionAttribute>()!.Description, 1, int.MaxValue),
               settings => quota.GetValue(subject.GetValue(settings.Quotas)),
               (settings, value) => quota.SetValue(subject.GetValue(settings.Quotas), value)),
    ];

    /// <summary>All settings.</summary>
    public static readonly IReadOnlyList<Setting> All = [.. Server, .. Quotas];

    /// <summary>Returns the setting of the property.</summary>
    public static Setting Get(string property) => Server.Single(setting => setting.Name == property);
}
