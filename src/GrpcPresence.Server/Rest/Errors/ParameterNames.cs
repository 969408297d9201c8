namespace GrpcPresence.Server.Rest.Errors;

/// <summary>The parameters of REST by the fields of the requests that they are put into.</summary>
internal static class ParameterNames
{
    private static readonly string[] Messages = ["service_instance.", "configuration.", "webhook_configuration.", "notification_configuration.", "user."];

    // Those that are not simply the field in another case.
    private static readonly Dictionary<string, string> Renamed = new(StringComparer.Ordinal)
    {
        ["service_sid"] = "ChatServiceSid",
        ["user_key"] = "Sid",
        ["user_keys"] = "Identity",
        ["push_binding_sid"] = "Sid",
        ["binding_types"] = "BindingType",
        ["default_service_role_sid"] = "DefaultChatServiceRoleSid",
    };

    /// <summary>The parameter of the field; what is a parameter already stays.</summary>
    public static string Of(string field)
    {
        var message = Messages.FirstOrDefault(prefix => field.StartsWith(prefix, StringComparison.Ordinal));
        var name = field[(message?.Length ?? 0)..];
        var index = name.IndexOf('[', StringComparison.Ordinal);
        name = index < 0 ? name : name[..index];
        return Renamed.GetValueOrDefault(name) ?? string.Join('.', name.Split('.').Select(PascalCase));
    }

    /// <summary>Whether the field is taken from the path.</summary>
    public static bool IsInPath(string field) =>
        field is "user_key" or "push_binding_sid" or "user.sid" or "user.identity" || field.EndsWith("service_sid", StringComparison.Ordinal);

    private static string PascalCase(string name) => string.Concat(name.Split('_').Where(word => word.Length > 0).Select(word => char.ToUpperInvariant(word[0]) + word[1..]));
}
