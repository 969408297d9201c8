using System.Runtime.InteropServices;
using System.Security.Cryptography;
using GrpcPresence.Core.Domain;
using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Tenants;

namespace GrpcPresence.Server.Security.Authentication;

/// <summary>
/// Remembers credentials that were rejected as a guess, and why. Clients whose secret was replaced repeat their credentials. They get the
/// same answer without another verification, also where many guesses come from the same address. Only rejections that depend on nothing but
/// the credentials and the API keys are remembered, and only while no API key changes. So credentials that have become valid are not
/// rejected. Safe from any thread.
/// </summary>
internal sealed class RejectedCredentials(ApiKeyCache keys, SecretFile secrets, TimeProvider time)
{
    private readonly RecentEntries<UInt128, Rejection> _rejections = new(Limits.RejectedCredentials);

    /// <summary>The number of remembered credentials.</summary>
    public int Count => _rejections.Count;

    /// <summary>The version of the API keys. Read it before a verification.</summary>
    public long Version => keys.Version;

    /// <summary>Whether the reason says that the server never issued the credentials.</summary>
    public static bool IsGuess(ErrorReason reason) => reason
        is ErrorReason.CredentialsInvalid
        or ErrorReason.AccessTokenMalformed
        or ErrorReason.AccessTokenAlgorithmRefused
        or ErrorReason.AccessTokenSignatureInvalid;

    /// <summary>Returns the error of the credentials, or null when they have to be verified.</summary>
    public PresenceException? Find(string credentials)
    {
        if (credentials.Length > Limits.CachedCredentialsLength)
            return null;
        var key = KeyOf(credentials);
        if (!_rejections.TryGet(key, out var rejection))
            return null;
        if (rejection.Version == keys.Version && time.GetElapsedTime(rejection.At) < Limits.RejectedCredentialsLifetime)
            return new PresenceException(rejection.Reason, rejection.Message);
        _rejections.Remove(key);
        return null;
    }

    /// <summary>Remembers the error of credentials, if it is one that another verification would repeat.</summary>
    public void Add(string credentials, long version, PresenceException error)
    {
        // Without the file, no signature can be verified. The file may come back.
        var isLasting = IsGuess(error.Reason) && (error.Reason != ErrorReason.AccessTokenSignatureInvalid || secrets.IsLoaded);
        if (isLasting && credentials.Length <= Limits.CachedCredentialsLength)
            _rejections.Add(KeyOf(credentials), new Rejection(error.Reason, error.Message, version, time.GetTimestamp()));
    }

    // A hash for which nobody can find a second text. Otherwise a peer could have the credentials of another rejected.
    private static UInt128 KeyOf(string credentials)
    {
        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(MemoryMarshal.AsBytes(credentials.AsSpan()), hash);
        return MemoryMarshal.Read<UInt128>(hash);
    }

    private sealed record Rejection(ErrorReason Reason, string Message, long Version, long At);
}
