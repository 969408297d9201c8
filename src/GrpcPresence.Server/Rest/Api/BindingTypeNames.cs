namespace GrpcPresence.Server.Rest.Api;

/// <summary>Push services in words.</summary>
internal static class BindingTypeNames
{
    private static readonly Dictionary<string, V1.BindingType> Types = new(StringComparer.OrdinalIgnoreCase)
    {
        ["apn"] = V1.BindingType.Apn,
        ["fcm"] = V1.BindingType.Fcm,
        ["gcm"] = V1.BindingType.Gcm,
        ["webpush"] = V1.BindingType.Webpush,
    };

    /// <summary>The words.</summary>
    public static IEnumerable<string> All => Types.Keys;

    /// <summary>The word.</summary>
    public static string Of(V1.BindingType type) => Types.Single(pair => pair.Value == type).Key;

    /// <summary>The push service; one that there is not, for the method to refuse, when the word is none.</summary>
    public static V1.BindingType Parse(string word) => Types.GetValueOrDefault(word, (V1.BindingType)(-1));
}
