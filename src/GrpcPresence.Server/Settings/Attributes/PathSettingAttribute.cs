using System.Text;

namespace GrpcPresence.Server.Settings.Attributes;

/// <summary>The path of a file. A relative path starts at the working directory; the value is the full path.</summary>
internal sealed class PathSettingAttribute(string summary) : SettingAttribute(summary)
{
    /// <summary>The word that stands for null; null where a file is required.</summary>
    public string? Off { get; init; }

    /// <summary>The maximum length of the full path, in bytes of UTF-8.</summary>
    public int MaxBytes { get; init; } = int.MaxValue;

    /// <summary>Whether the path is that of a socket. The listener checks it.</summary>
    public bool IsSocket { get; init; }

    /// <inheritdoc/>
    public override string Form =>
        (IsSocket ? "the path of a socket" : "the path of a file")
        + (MaxBytes < int.MaxValue ? $" of at most {MaxBytes} bytes" : "")
        + (Off is null ? "" : $", or {Off}");

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
        if (Path.EndsInDirectorySeparator(path) || Encoding.UTF8.GetByteCount(path) > MaxBytes)
            return false;
        // A file that does not exist yet may be created. Reading a pipe or a device may never end.
        var kind = FileKinds.Of(path);
        if (kind == FileKind.Directory || (!IsSocket && kind is not FileKind.Unknown and not FileKind.Plain))
            return false;
        value = path;
        return true;
    }
}
