using System.CommandLine;
using System.CommandLine.Invocation;
using System.CommandLine.Parsing;

namespace GrpcPresence.Server.Cli;

/// <summary>Reports a command line that cannot be parsed as one line, with the library's suggestion for a misspelled name.</summary>
internal static class ParseErrors
{
    private const string SuggestionQuestion = "Did you mean one of the following?";

    /// <summary>Returns the first error in one line; null when the command line is well-formed, or asks for help.</summary>
    public static string? Describe(ParseResult result)
    {
        if (result.Errors.Count == 0 || result.Action is not ParseErrorAction)
            return null;
        var message = string.Join(' ', result.Errors[0].Message.Split(['\n', '\r', '\t'], StringSplitOptions.RemoveEmptyEntries));
        return $"{message}{FindSuggestion(result)} See {HelpOf(result.CommandResult)}.";
    }

    private static string HelpOf(CommandResult command)
    {
        var help = "--help";
        for (; command.Parent is CommandResult parent; command = parent)
            help = $"{command.Command.Name} {help}";
        return help;
    }

    // The library only prints its suggestions: a question about the first unmatched token, then a name a line.
    private static string FindSuggestion(ParseResult result)
    {
        using var suggestions = new StringWriter();
        new ParseErrorAction { ShowHelp = false }.Invoke(WithOutput(result, suggestions));
        var lines = suggestions.ToString().Split('\n', StringSplitOptions.TrimEntries);
        if (lines is not [var question, { Length: > 0 } name, ..] || !question.EndsWith(SuggestionQuestion, StringComparison.Ordinal))
            return "";
        // It also suggests -h for a stray number: any name within three edits.
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
