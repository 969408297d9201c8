namespace GrpcPresence.Server.Rest.Errors;

/// <summary>Maps the fields of requests to the REST parameters that set them.</summary>
internal static class ParameterNames
{
    private static readonly string[] Messages =
        ["service_instance.", "configuration.", "webhook_configuration.", "notification_configuration.", "user."];

    // The parameters whose names differ from the field's in more than the case.
    private static readonly Dictionary<string, string> Renamed = new(StringComparer.Ordinal)
    {
        ["service_sid"] = "ChatServiceSid",
        ["user_key"] = "Sid",
        ["user_keys"] = "Identity",
        ["push_binding_sid"] = "Sid",
        ["binding_types"] = "BindingType",
        ["default_service_role_sid"] = "DefaultChatServiceRoleSid",
    };

    /// <summary>Returns the parameter of the field. The name of a parameter is returned unchanged.</summary>
    public static string Of(string field)
    {
        var message = Messages.FirstOrDefault(prefix => field.StartsWith(prefix, StringComparison.Ordinal));
        var name = field[(message?.Length ?? 0)..];
        var index = name.IndexOf('[', StringComparison.Ordinal);
        name = index < 0 ? name : name[..index];
        return Renamed.GetValueOrDefault(name) ?? string.Join('.', name.Split('.').Select(PascalCase));
    }

    /// <summary>Whether the path contains the field.</summary>
    public static bool IsInPath(string field) =>
        field is "user_key" or "push_binding_sid" or "user.sid" or "user.identity"
        || field.EndsWith("service_sid", StringComparison.Ordinal);

    private static string PascalCase(string name) =>
        string.Concat(name.Split('_').Where(word => word.Length > 0).Select(word => char.ToUpperInvariant(word[0]) + word[1..]));
}
