using System.Security.Cryptography;
using GrpcPresence.Core.Domain.ApiKeys;

namespace GrpcPresence.Server.Security.Authentication;

/// <summary>
/// What credentials are verified against when their API key does not exist, or has no previous secret. Verifying takes as long as for a key
/// that exists, so that the time of a rejection does not tell whether a key exists. The secret is random and not known to anybody.
/// </summary>
internal static class AbsentKey
{
    private const int SaltBytes = 16;
    private const int SecretBytes = 32;

    /// <summary>The secret, with which an access token is verified.</summary>
    public static readonly string Secret = Random(SecretBytes);

    /// <summary>The stored part of the secret.</summary>
    public static readonly ApiKeySecret Stored = ApiKeySecret.Of(Random(SaltBytes), Secret);

    private static string Random(int bytes) => Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(bytes));
}
