using System.Security.Cryptography;
using System.Text;

namespace GrpcPresence.Core.Domain.ApiKeys;

/// <summary>
/// The stored part of an API key's secret. The server verifies a presented secret against the hash, which cannot be reversed: a secret has
/// 381 random bits, so a plain hash is enough. The secret is derived from the salt and a second half that never enters the database.
/// </summary>
/// <param name="Salt">Random bytes, in hexadecimal digits.</param>
/// <param name="Hash">The SHA-256 of the secret's UTF-8, in hexadecimal digits.</param>
public sealed record ApiKeySecret(string Salt, string Hash)
{
    /// <summary>Returns what is stored of the secret.</summary>
    public static ApiKeySecret Of(string salt, string secret) => new(salt, Convert.ToHexStringLower(Digest(secret)));

    /// <summary>Whether the text is the secret. Takes the same time wherever the two differ, so that timing reveals nothing.</summary>
    public bool Matches(string presented) => CryptographicOperations.FixedTimeEquals(Digest(presented), Convert.FromHexString(Hash));

    private static byte[] Digest(string secret) => SHA256.HashData(Encoding.UTF8.GetBytes(secret));
}
