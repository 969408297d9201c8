using GrpcPresence.Core.Domain;

namespace GrpcPresence.Core.Tests.Domain;

public sealed class VisibleTextTests
{
    [Theory]
    [InlineData("plain", "plain")]
    [InlineData("Jürgen 😀 日本", "Jürgen 😀 日本")]
    [InlineData("", "")]
    [InlineData("a\u202Eb", "a\\u202Eb")]
    [InlineData("\u202A\u202B\u202C\u202D", "\\u202A\\u202B\\u202C\\u202D")]
    [InlineData("\u2066\u2067\u2068\u2069", "\\u2066\\u2067\\u2068\\u2069")]
    [InlineData("\u200E\u200F\u061C", "\\u200E\\u200F\\u061C")]
    [InlineData("\u200B\u200C\u200D\u2060\uFEFF\u00AD", "\\u200B\\u200C\\u200D\\u2060\\uFEFF\\u00AD")]
    [InlineData("\u2028\u2029\u0085", "\\u2028\\u2029\\u0085")]
    [InlineData("a\nb\r\t\0", "a\\u000Ab\\u000D\\u0009\\u0000")]
    [InlineData("\u001b[31mred\u009b0m", "\\u001B[31mred\\u009B0m")]
    [InlineData("\U000E0041\u3164\u115F", "\\U000E0041\\u3164\\u115F")]
    public void A_character_that_cannot_be_seen_is_escaped(string text, string visible) => Assert.Equal(visible, VisibleText.Of(text));

    [Theory]
    [InlineData("a line\n", "a line\n")]
    [InlineData("a line\r\n", "a line\r\n")]
    [InlineData("overwritten\rby this\n", "overwritten\\u000Dby this\n")]
    [InlineData("a\tb", "a\tb")]
    [InlineData("\u001b[40m\u001b[1;32minfo\u001b[m: x\n", "\u001b[40m\u001b[1;32minfo\u001b[m: x\n")]
    [InlineData("\u001b[2J\u001b]0;title\u0007\u001b[", "\\u001B[2J\\u001B]0;title\\u0007\\u001B[")]
    [InlineData("a\u202Eb\u2028c\n", "a\\u202Eb\\u2028c\n")]
    public void Output_keeps_its_lines_and_colors(string text, string visible) => Assert.Equal(visible, VisibleText.OfOutput(text));
}
