using System.Buffers;
using System.Globalization;
using System.Text;

namespace GrpcPresence.Core.Domain;

/// <summary>
/// Shows characters that cannot be seen as <c>\u202E</c>. Names and identities may contain them. In a terminal or a log, they could reverse
/// the text that follows, hide a difference between two names, or begin a line that the program did not write.
/// </summary>
public static class VisibleText
{
    private const char Escape = '\u001b';

    // The first half of every character from U+E0000 to U+E03FF, where the invisible tags are.
    private const char HighSurrogateOfTags = '\uDB40';
    private const int FirstTag = 0xE0000;
    private const int EndOfTags = 0xE1000;

    // Letters and marks that take no space or look like a space: the grapheme joiner, and the fillers of Hangul, Khmer and Mongolian.
    private const string Fillers = "\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f\u2800\u3164\uffa0";

    private static readonly SearchValues<char> ColorParameters = SearchValues.Create("0123456789;");

    private static readonly char[] Replaced =
        [.. Enumerable.Range(0, char.MaxValue + 1).Select(code => (char)code).Where(IsInvisible), HighSurrogateOfTags];

    private static readonly SearchValues<char> Invisible = SearchValues.Create(Replaced);

    // Nearly every output has a line break, and nothing else to replace.
    private static readonly SearchValues<char> InvisibleInOutput = SearchValues.Create([.. Replaced.Except(['\n', '\t'])]);

    /// <summary>Returns a text of one line in which every character can be seen.</summary>
    public static string Of(string text) => text.AsSpan().ContainsAny(Invisible) ? Replace(text, isOutput: false) : text;

    /// <summary>
    /// Returns a text for a terminal or a log, in which every character can be seen except line breaks, tabs and the colors that a log has
    /// on a terminal.
    /// </summary>
    public static string OfOutput(string text) => text.AsSpan().ContainsAny(InvisibleInOutput) ? Replace(text, isOutput: true) : text;

    private static string Replace(string text, bool isOutput)
    {
        var visible = new StringBuilder(text.Length);
        for (var i = 0; i < text.Length; i++)
        {
            var character = text[i];
            if (i + 1 < text.Length && char.IsSurrogatePair(character, text[i + 1]))
            {
                var rune = char.ConvertToUtf32(character, text[++i]);
                if (rune is >= FirstTag and < EndOfTags)
                    visible.Append(CultureInfo.InvariantCulture, $"\\U{rune:X8}");
                else
                    visible.Append(character).Append(text[i]);
            }
            else if (!IsInvisible(character) || (isOutput && IsPartOfOutput(text.AsSpan(i))))
            {
                visible.Append(character);
            }
            else
            {
                visible.Append(CultureInfo.InvariantCulture, $"\\u{(int)character:X4}");
            }
        }
        return visible.ToString();
    }

    // Control characters, formats such as the directions of writing, and separators of lines and paragraphs.
    private static bool IsInvisible(char character) =>
        char.GetUnicodeCategory(character) is UnicodeCategory.Control or UnicodeCategory.Format
            or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator
        || Fillers.Contains(character, StringComparison.Ordinal);

    private static bool IsPartOfOutput(ReadOnlySpan<char> text)
    {
        if (text is ['\n' or '\t', ..] or ['\r', '\n', ..])
            return true;
        if (text is not [Escape, '[', ..])
            return false;
        var end = text[2..].IndexOfAnyExcept(ColorParameters);
        return end >= 0 && text[end + 2] == 'm';
    }
}
