namespace GrpcPresence.Server.Rest.Api;

/// <summary>The REST names of push services.</summary>
internal static class BindingTypeNames
{
    private static readonly Dictionary<string, V1.BindingType> Types = new(StringComparer.OrdinalIgnoreCase)
    {
        ["apn"] = V1.BindingType.Apn,
        ["fcm"] = V1.BindingType.Fcm,
        ["gcm"] = V1.BindingType.Gcm,
        ["webpush"] = V1.BindingType.Webpush,
    };

    /// <summary>The type of a connected client, which a filter may name. No push binding has it: sessions are not bindings here.</summary>
    public const string Connected = "twilsock";

    /// <summary>All names.</summary>
    public static IEnumerable<string> All => Types.Keys;

    /// <summary>Returns the name.</summary>
    public static string Of(V1.BindingType type) => Types.Single(pair => pair.Value == type).Key;

    /// <summary>Parses a name. For an unknown name, returns a value that the method rejects.</summary>
    public static V1.BindingType Parse(string word) => Types.GetValueOrDefault(word, (V1.BindingType)(-1));
}
