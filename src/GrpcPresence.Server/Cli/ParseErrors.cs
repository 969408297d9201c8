using System.CommandLine;
using System.CommandLine.Invocation;
using System.CommandLine.Parsing;
using GrpcPresence.Server.Settings;

namespace GrpcPresence.Server.Cli;

/// <summary>Reports an invalid command line as one line, with the library's suggestion for a misspelled name.</summary>
internal static class ParseErrors
{
    private const string SuggestionQuestion = "Did you mean one of the following?";

    /// <summary>Returns the first error in one line, or null when the command line is well-formed or asks for help.</summary>
    public static string? Describe(ParseResult result)
    {
        if (result.Errors.Count == 0 || result.Action is not ParseErrorAction)
            return null;
        // An unknown word causes the errors that follow from it, so it is reported first, unless an option before it lacks its value.
        var error = result.Errors.FirstOrDefault(error => error.SymbolResult is OptionResult { Implicit: false })
            ?? result.Errors.FirstOrDefault(error => NamesOneOf(result.UnmatchedTokens, error.Message))
            ?? result.Errors[0];
        var message = string.Join(' ', error.Message.Split(['\n', '\r', '\t'], StringSplitOptions.RemoveEmptyEntries));
        var suggestion = error.SymbolResult is OptionResult ? "" : FindSuggestion(result);
        return $"{WithoutPasswords(message, result)}{suggestion} See {HelpOf(result.CommandResult)}.";
    }

    // Without the option before it, a connection string is an unknown word.
    private static string WithoutPasswords(string message, ParseResult result) => result.UnmatchedTokens
        .Where(PostgresConnection.HasPassword)
        .Aggregate(message, (text, token) => text.Replace(token, "a connection string with a password", StringComparison.Ordinal));

    private static bool NamesOneOf(IEnumerable<string> tokens, string message) =>
        tokens.Any(token => message.Contains($"'{token}'", StringComparison.Ordinal));

    private static string HelpOf(CommandResult command)
    {
        var help = "--help";
        for (; command.Parent is CommandResult parent; command = parent)
            help = $"{command.Command.Name} {help}";
        return help;
    }

    // The library only prints its suggestions: a question about the first unmatched token, then one name per line.
    private static string FindSuggestion(ParseResult result)
    {
        using var suggestions = new StringWriter();
        new ParseErrorAction { ShowHelp = false }.Invoke(WithOutput(result, suggestions));
        var lines = suggestions.ToString().Split('\n', StringSplitOptions.TrimEntries);
        if (lines is not [var question, { Length: > 0 } name, ..] || !question.EndsWith(SuggestionQuestion, StringComparison.Ordinal))
            return "";
        // The library suggests any name within three edits, such as -h for a number.
        var token = question.Trim('\'');
        return token.StartsWith('-') == name.StartsWith('-') ? $" Did you mean {name}?" : "";
    }

    private static ParseResult WithOutput(ParseResult result, TextWriter output)
    {
        result.InvocationConfiguration.Output = output;
        result.InvocationConfiguration.Error = TextWriter.Null;
        return result;
    }
}
