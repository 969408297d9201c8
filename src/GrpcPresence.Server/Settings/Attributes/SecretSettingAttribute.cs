namespace GrpcPresence.Server.Settings.Attributes;

/// <summary>A secret. It has no command-line option, because other users of the machine can read command lines.</summary>
internal sealed class SecretSettingAttribute(string summary) : SettingAttribute(summary)
{
    // Tokens of Twilio have 32 hexadecimal digits. A secret of half that length still cannot be guessed.
    private const int MinLength = 16;
    private const int MaxLength = 256;

    /// <inheritdoc/>
    public override bool IsSecret => true;

    /// <inheritdoc/>
    public override string Form => $"{MinLength} to {MaxLength} printable ASCII characters without spaces";

    /// <inheritdoc/>
    public override string Placeholder => "SECRET";

    /// <inheritdoc/>
    public override bool TryRead(string text, out object? value)
    {
        value = text;
        return text.Length is >= MinLength and <= MaxLength && text.All(character => character is > ' ' and <= '~');
    }
}
