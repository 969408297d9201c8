namespace GrpcPresence.Server.Security.Authentication;

/// <summary>
/// Compares whole credentials, but hashes only their last characters: the end of a token's signature or of a key's secret. Hashing a whole
/// token would cost more than all other work for a caller that is already known.
/// </summary>
internal sealed class CredentialsComparer : IEqualityComparer<string>
{
    private const int End = 16;

    /// <inheritdoc/>
    public bool Equals(string? x, string? y) => string.Equals(x, y, StringComparison.Ordinal);

    /// <inheritdoc/>
    public int GetHashCode(string obj) => string.GetHashCode(obj.AsSpan(Math.Max(0, obj.Length - End)));
}
