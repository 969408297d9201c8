namespace GrpcPresence.Server.Security.Authentication;

/// <summary>
/// Compares credentials whole, and tells them apart by their ends first: there stands the signature of a token or the secret of a key, and
/// hashing all of
/// a token costs more than all else that is done for a caller who is known.
/// </summary>
internal sealed class CredentialsComparer : IEqualityComparer<string>
{
    private const int End = 16;

    /// <inheritdoc/>
    public bool Equals(string? x, string? y) => string.Equals(x, y, StringComparison.Ordinal);

    /// <inheritdoc/>
    public int GetHashCode(string obj) => string.GetHashCode(obj.AsSpan(Math.Max(0, obj.Length - End)));
}
