namespace GrpcPresence.Server.Settings.Attributes;

/// <summary>
/// A secret. The command line must not contain it, because other users of the machine can read command lines. A secret that could be
/// guessed is refused, because a caller that has it may do everything.
/// </summary>
internal sealed class SecretSettingAttribute(string summary) : SettingAttribute(summary)
{
    // Tokens of Twilio have 32 hexadecimal digits. A secret of half that length still cannot be guessed.
    private const int MinLength = 16;
    private const int MaxLength = 256;
    private const int MinDistinct = 6;

    // Words of examples, in documentation and in settings that were never completed.
    private static readonly string[] Placeholders =
    [
        "auth_token", "auth-token", "authtoken", "change_me", "change-me", "changeme", "example", "password", "passw0rd", "placeholder",
        "replace", "secret",
    ];

    /// <inheritdoc/>
    public override bool IsSecret => true;

    /// <inheritdoc/>
    public override string Form =>
        $"random: {MinLength} to {MaxLength} printable ASCII characters without spaces, at least {MinDistinct} of them different, and no "
        + "placeholder, sequence or repetition. 'openssl rand -hex 16' prints one";

    /// <inheritdoc/>
    public override string Placeholder => "SECRET";

    /// <inheritdoc/>
    public override bool TryRead(string text, out object? value)
    {
        value = text;
        return text.Length is >= MinLength and <= MaxLength && text.All(character => character is > ' ' and <= '~') && !IsWeak(text);
    }

    /// <summary>
    /// Whether the secret looks chosen or copied instead of drawn. A random one does with a probability below 1 in 10,000, even of 16
    /// hexadecimal digits.
    /// </summary>
    private static bool IsWeak(string text) =>
        text.Distinct().Count() < MinDistinct
        || Placeholders.Any(word => text.Contains(word, StringComparison.OrdinalIgnoreCase))
        || IsSequence(text)
        || IsRepetition(text);

    // "0123456789abcdef", "abcdefghijklmnop", "aaaaaaaabbbbbbbb": most characters follow from the one before.
    private static bool IsSequence(string text) =>
        Enumerable.Range(1, text.Length - 1).Count(i => Math.Abs(text[i] - text[i - 1]) <= 1) > text.Length / 2;

    // "deadbeefdeadbeef": a part of at most half the length, again and again.
    private static bool IsRepetition(string text) =>
        Enumerable.Range(1, text.Length / 2).Any(period => text.AsSpan(period).SequenceEqual(text.AsSpan(0, text.Length - period)));
}
