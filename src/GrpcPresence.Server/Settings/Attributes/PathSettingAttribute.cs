using System.Text;

namespace GrpcPresence.Server.Settings.Attributes;

/// <summary>The path of a file. A relative path starts at the working directory; the value is the full path.</summary>
internal sealed class PathSettingAttribute(string summary) : SettingAttribute(summary)
{
    /// <summary>The word that stands for null; null where a file is required.</summary>
    public string? Off { get; init; }

    /// <summary>The maximum length of the full path, in bytes of UTF-8.</summary>
    public int MaxBytes { get; init; } = int.MaxValue;

    /// <inheritdoc/>
    public override string Form =>
        "the path of a file" + (MaxBytes < int.MaxValue ? $" of at most {MaxBytes} bytes" : "") + (Off is null ? "" : $", or {Off}");

    /// <inheritdoc/>
    public override string Placeholder => Off is null ? "FILE" : $"FILE|{Off}";

    /// <inheritdoc/>
    public override bool TryRead(string text, out object? value)
    {
        value = null;
        if (Off is not null && text.Equals(Off, StringComparison.OrdinalIgnoreCase))
            return true;
        if (string.IsNullOrWhiteSpace(text) || text.Contains('\0', StringComparison.Ordinal))
            return false;
        var path = Path.GetFullPath(text);
        if (Path.EndsInDirectorySeparator(path) || Directory.Exists(path) || Encoding.UTF8.GetByteCount(path) > MaxBytes)
            return false;
        value = path;
        return true;
    }
}
