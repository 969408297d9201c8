using System.CommandLine;
using System.CommandLine.Parsing;
using GrpcPresence.Server.Settings;

namespace GrpcPresence.Server.Cli;

/// <summary>
/// The options for settings. They accept any text, because the reader of the settings checks it, as it checks the text of a file or an
/// environment variable.
/// </summary>
internal sealed class SettingOptions
{
    private const string SectionPrefix = ServerSettings.Section + ":";

    private readonly List<(string Key, Option<string[]> Option)> _values = [];
    private readonly List<(string Key, string? Value, Option<bool> Option)> _flags = [];
    private readonly List<Option<string[]>> _assignments = [];

    /// <summary>
    /// Adds every option to the command and its subcommands. <c>--help</c> lists those of the settings in <paramref name="shown"/>.
    /// </summary>
    public void AddTo(Command command, IReadOnlyCollection<Setting> shown)
    {
        // The options of the root are not recursive, because its subcommands list fewer.
        var isRecursive = command is not RootCommand;
        foreach (var setting in SettingsCatalog.Server.Where(setting => setting.Declaration.Option is not null))
        {
            var declaration = setting.Declaration;
            var isHidden = !shown.Contains(setting);
            if (declaration.IsFlag)
            {
                AddFlag(declaration.Option!, value: null);
            }
            else
            {
                // An option may be repeated. The last value wins, so that a script can append to the options that it was given.
                // A secret also by the name of the setting, because the parser would print it as an unknown word.
                string[] aliases = declaration.IsSecret ? [$"--{setting.Name}"] : [];
                var option = new Option<string[]>(declaration.Option!, aliases)
                {
                    Description = $"{declaration.Summary}. Default: {setting.Default}",
                    HelpName = declaration.Placeholder,
                    Arity = ArgumentArity.OneOrMore,
                    Hidden = isHidden,
                    Recursive = isRecursive,
                };
                option.CompletionSources.Add([.. declaration.Choices]);
                option.Validators.Add(result => CheckForPassword(setting, result));
                command.Add(option);
                _values.Add((setting.Key, option));
            }
            if (declaration.Shorthand is { } shorthand)
                AddFlag(shorthand, declaration.ShorthandValue);

            void AddFlag(string name, string? value)
            {
                var description = value is null ? declaration.Summary : $"Same as {declaration.Option} {value}";
                var option = new Option<bool>(name) { Description = description, Hidden = isHidden, Recursive = isRecursive };
                command.Add(option);
                _flags.Add((setting.Key, value, option));
            }
        }
        foreach (var secret in SettingsCatalog.Server.Where(setting => setting.Declaration is { IsSecret: true, Option: null }))
            AddRefusal(secret);
        AddAssignments(isHidden: false, "--set");
        // The library splits --Presence:Quotas:ApiKey:OpenStreams=5 at the first colon. An option named --Presence therefore accepts
        // settings by their names in the configuration.
        AddAssignments(isHidden: true, $"--{ServerSettings.Section}", $"--{ServerSettings.Section.ToLowerInvariant()}");

        // An option that explains why it does not work. Otherwise the parser would print its value as an unknown word.
        void AddRefusal(Setting secret)
        {
            var option = new Option<string[]>(OptionNameOf(secret.Name), $"--{secret.Name}", $"--{secret.Name.ToLowerInvariant()}")
            {
                Arity = ArgumentArity.ZeroOrMore,
                Hidden = true,
                Recursive = isRecursive,
            };
            option.Validators.Add(result => result.AddError(Refusal(secret)));
            command.Add(option);
        }

        void AddAssignments(bool isHidden, string name, params string[] aliases)
        {
            var option = new Option<string[]>(name, aliases)
            {
                Description = "Sets any setting by name, including quotas, for example Quotas:ApiKey:OpenStreams=100. May be repeated",
                HelpName = "NAME=VALUE",
                Arity = ArgumentArity.OneOrMore,
                Hidden = isHidden,
                Recursive = isRecursive,
            };
            option.Validators.Add(CheckAssignments);
            command.Add(option);
            _assignments.Add(option);
        }
    }

    /// <summary>
    /// Returns the settings given on the command line, as keys and values of the configuration. If a setting is repeated, its last value
    /// wins.
    /// </summary>
    public IReadOnlyDictionary<string, string?> Read(ParseResult result)
    {
        // The library groups tokens by option. Sort them, so that settings apply in the order in which they were written.
        var positions = new Dictionary<Token, int>(ReferenceEqualityComparer.Instance);
        foreach (var token in result.Tokens)
            positions.Add(token, positions.Count);
        var settings = new Dictionary<string, string?>(StringComparer.OrdinalIgnoreCase);
        foreach (var (_, key, value) in FindGiven(result).OrderBy(given => positions[given.Token]))
            settings[key] = value;
        return settings;
    }

    private IEnumerable<(Token Token, string Key, string Value)> FindGiven(ParseResult result)
    {
        foreach (var option in _assignments)
        {
            foreach (var token in result.GetResult(option)?.Tokens ?? [])
            {
                var parts = token.Value.Split('=', 2);
                var isWhole = parts[0].StartsWith(SectionPrefix, StringComparison.OrdinalIgnoreCase);
                yield return (token, isWhole ? parts[0] : SectionPrefix + parts[0], parts[1]);
            }
        }
        foreach (var (key, option) in _values)
        {
            foreach (var token in result.GetResult(option)?.Tokens ?? [])
                yield return (token, key, token.Value);
        }
        foreach (var (key, value, option) in _flags)
        {
            if (result.GetResult(option) is not { Implicit: false, IdentifierToken: { } name } given)
                continue;
            var token = given.Tokens.Count > 0 ? given.Tokens[^1] : name;
            var isOn = result.GetValue(option);
            if (value is null)
                yield return (token, key, isOn ? bool.TrueString : bool.FalseString);
            else if (isOn)
                yield return (token, key, value);
        }
    }

    private static void CheckAssignments(OptionResult result)
    {
        foreach (var token in result.Tokens)
        {
            var end = token.Value.IndexOf('=', StringComparison.Ordinal);
            if (end <= 0)
                result.AddError($"{token.Value} has no value. Use the form NAME=VALUE.");
            else if (FindSecret(token.Value.AsSpan(0, end).Trim(), token.Value[(end + 1)..]) is { } secret)
                result.AddError(Refusal(secret));
        }
    }

    private static void CheckForPassword(Setting setting, OptionResult result)
    {
        if (result.Tokens.Any(token => setting.Declaration.HasSecret(token.Value)))
            result.AddError(Refusal(setting));
    }

    private static Setting? FindSecret(ReadOnlySpan<char> name, string value)
    {
        foreach (var setting in SettingsCatalog.Server)
        {
            var isNamed = name.Equals(setting.Name, StringComparison.OrdinalIgnoreCase)
                || name.Equals(setting.Key, StringComparison.OrdinalIgnoreCase);
            if (isNamed && setting.Declaration.HasSecret(value))
            {
                return setting;
            }
        }
        return null;
    }

    private static string Refusal(Setting secret)
    {
        const string Reason = "is not accepted on the command line, because other users of the machine can read it.";
        var elsewhere = $"the environment variable {secret.EnvironmentVariable}, or {secret.Name} in appsettings.json.";
        // An option exists for a setting whose value may go without its password.
        return secret.Declaration.Option is null
            ? $"{secret.Name} {Reason} Set {elsewhere}"
            : $"{secret.Name} with a password {Reason} Name a file that has the password, by Passfile=FILE or the environment variable "
                + $"PGPASSFILE. Or set {elsewhere}";
    }

    // "AuthToken" is --auth-token.
    private static string OptionNameOf(string name) =>
        "-" + string.Concat(name.Select(character => char.IsUpper(character) ? $"-{char.ToLowerInvariant(character)}" : $"{character}"));
}
