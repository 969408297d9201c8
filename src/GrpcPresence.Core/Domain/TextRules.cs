using System.Buffers;

namespace GrpcPresence.Core.Domain;

/// <summary>The rules that the texts of a request share.</summary>
public static class TextRules
{
    // Unicode category Cc: U+0000 to U+001F and U+007F to U+009F.
    private static readonly SearchValues<char> Controls =
        SearchValues.Create([.. Enumerable.Range(0, 0xa0).Select(code => (char)code).Where(char.IsControl)]);

    private static readonly SearchValues<char> ControlsWithinLines = SearchValues.Create(
        [.. Enumerable.Range(0, 0xa0).Select(code => (char)code).Where(c => char.IsControl(c) && c is not ('\t' or '\n' or '\r'))]);

    /// <summary>
    /// Whether a text of one line contains control characters. Names stand in logs, headers and URLs, where a line break would forge a
    /// second line, and many databases and libraries end a text at NUL.
    /// </summary>
    public static bool HasControls(string text) => text.AsSpan().ContainsAny(Controls);

    /// <summary>Whether a text of several lines contains control characters other than tabs and line breaks.</summary>
    public static bool HasControlsWithinLines(string text) => text.AsSpan().ContainsAny(ControlsWithinLines);

    /// <summary>
    /// Whether the text has more than <paramref name="max"/> Unicode code points. A text of at most that many code points has at most four
    /// times as many bytes of UTF-8.
    /// </summary>
    public static bool IsLonger(string text, int max)
    {
        // A code point takes one or two code units, so most texts need no count. This also bounds the count of a huge text.
        if (text.Length <= max || text.Length > 2 * max)
            return text.Length > max;
        var pairs = 0;
        for (var i = 1; i < text.Length; i++)
        {
            if (char.IsSurrogatePair(text[i - 1], text[i]))
            {
                pairs++;
                i++;
            }
        }
        return text.Length - pairs > max;
    }
}
