using System.Security.Cryptography;
using System.Text;

namespace GrpcPresence.Core.Domain.ApiKeys;

/// <summary>
/// What is stored of the secret of an API key. The hash tells the secret when it is presented, and cannot be turned round: a secret has 384 random
/// bits, so that a plain hash is enough. The salt is one half of what the secret is derived from; the other never enters the database.
/// </summary>
/// <param name="Salt">Random bytes, in hexadecimal digits.</param>
/// <param name="Hash">The SHA-256 of the secret's UTF-8, in hexadecimal digits.</param>
public sealed record ApiKeySecret(string Salt, string Hash)
{
    /// <summary>What is stored of the secret.</summary>
    public static ApiKeySecret Of(string salt, string secret) => new(salt, Convert.ToHexStringLower(Digest(secret)));

    /// <summary>Whether the text is the secret. Takes the same time wherever the two differ.</summary>
    public bool Matches(string presented) => CryptographicOperations.FixedTimeEquals(Digest(presented), Convert.FromHexString(Hash));

    private static byte[] Digest(string secret) => SHA256.HashData(Encoding.UTF8.GetBytes(secret));
}
