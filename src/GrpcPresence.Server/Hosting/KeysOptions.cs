using System.Globalization;
using GrpcPresence.Server.Settings;

namespace GrpcPresence.Server.Hosting;

/// <summary>The command line of <see cref="KeysCommand"/>.</summary>
internal sealed record KeysOptions
{
    private const string OptionPrefix = "--";

    /// <summary>What is to be done.</summary>
    public required KeysVerb Verb { get; init; }

    /// <summary>The API key that it is to be done to.</summary>
    public string KeySid { get; init; } = "";

    /// <summary>The role of a new one.</summary>
    public V1.ApiKeyRole Role { get; private set; }

    /// <summary>The service instance of a new one, or of those to list; empty for the whole deployment.</summary>
    public string ServiceSid { get; private set; } = "";

    /// <summary>The name of a new one.</summary>
    public string FriendlyName { get; private set; } = "";

    /// <summary>The name of client certificates that stand for a new one.</summary>
    public string CertificateName { get; private set; } = "";

    /// <summary>How long the old secret counts beside the new one.</summary>
    public TimeSpan Overlap { get; private set; }

    /// <summary>What is left: the settings of the server.</summary>
    public IReadOnlyList<string> ServerArguments { get; private set; } = [];

    /// <summary>The options; null when there is no such subcommand.</summary>
    /// <exception cref="SettingsException">An option lacks its value, or has one that cannot be used.</exception>
    public static KeysOptions? Read(IReadOnlyList<string> arguments)
    {
        if (arguments.Count == 0 || ReadVerb(arguments[0]) is not { } verb)
            return null;
        var takesKey = verb is KeysVerb.Rotate or KeysVerb.Revoke;
        if (takesKey && (arguments.Count < 2 || arguments[1].StartsWith(OptionPrefix, StringComparison.Ordinal)))
            return null;
        var options = new KeysOptions { Verb = verb, KeySid = takesKey ? arguments[1] : "" };
        options.Read(arguments, from: takesKey ? 2 : 1);
        return options;
    }

    private void Read(IReadOnlyList<string> arguments, int from)
    {
        var others = new List<string>();
        for (var i = from; i < arguments.Count; i++)
        {
            var parts = arguments[i].Split('=', 2);
            if (parts[0] is not ("--role" or "--service-sid" or "--name" or "--certificate-name" or "--overlap"))
            {
                others.Add(arguments[i]);
                continue;
            }
            var value = parts.Length > 1 ? parts[1]
                : ++i < arguments.Count ? arguments[i]
                : throw new SettingsException($"{parts[0]} needs a value.");
            Set(parts[0], value);
        }
        ServerArguments = others;
    }

    private void Set(string option, string value)
    {
        switch (option)
        {
            case "--role":
                Role = ReadRole(value);
                break;
            case "--service-sid":
                ServiceSid = value;
                break;
            case "--name":
                FriendlyName = value;
                break;
            case "--certificate-name":
                CertificateName = value;
                break;
            default:
                Overlap = TimeSpan.TryParse(value, CultureInfo.InvariantCulture, out var overlap)
                    ? overlap
                    : throw new SettingsException($"--overlap must be a duration, such as 1.00:00:00 for a day, and is \"{value}\".");
                break;
        }
    }

    private static KeysVerb? ReadVerb(string value) => value switch
    {
        "create" => KeysVerb.Create,
        "list" => KeysVerb.List,
        "rotate" => KeysVerb.Rotate,
        "revoke" => KeysVerb.Revoke,
        _ => null,
    };

    private static V1.ApiKeyRole ReadRole(string value) => value.ToUpperInvariant() switch
    {
        "ADMIN" => V1.ApiKeyRole.Admin,
        "SERVICE" => V1.ApiKeyRole.Service,
        "READ" => V1.ApiKeyRole.Read,
        _ => throw new SettingsException($"--role must be admin, service or read, and is \"{value}\"."),
    };
}
