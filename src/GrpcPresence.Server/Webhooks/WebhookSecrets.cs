using System.Security.Cryptography;
using System.Text;
using GrpcPresence.Core.Storage;
using GrpcPresence.Server.Security.Authentication;
using GrpcPresence.Server.Settings;

namespace GrpcPresence.Server.Webhooks;

/// <summary>
/// The secrets that sign webhooks. Each service instance has its own, derived (HKDF, RFC 5869) from the secret file, the key of the service
/// instance and a generation. So no tenant can make the server sign requests that another tenant's back end believes, and a service
/// instance that takes the SID of a deleted one has another secret. If the deployment has an auth token, that signs instead. Safe from any
/// thread.
/// </summary>
internal sealed class WebhookSecrets(SecretFile file, ServerSettings settings)
{
    // 64 hexadecimal digits: some libraries accept only letters and digits in a secret.
    private const int SecretBytes = 32;

    /// <summary>Returns the secret that signs the webhooks of a service instance; null if they are not signed.</summary>
    /// <exception cref="Core.Domain.Errors.PresenceException">StorageUnavailable: the file cannot be read.</exception>
    public string? Find(WebhookSigner signer) =>
        settings.AuthToken ?? (file.FindKey() is { } key ? Derive(key, signer) : null);

    /// <summary>
    /// Returns the secret of a service instance, whether or not an auth token signs instead. Creates the secret file if it does not exist.
    /// </summary>
    /// <exception cref="Core.Domain.Errors.PresenceException">StorageUnavailable: the file cannot be read or created.</exception>
    public string Get(WebhookSigner signer) => Derive(file.GetOrCreateKey(), signer);

    private static string Derive(byte[] key, WebhookSigner signer) => Convert.ToHexStringLower(HKDF.DeriveKey(
        HashAlgorithmName.SHA512,
        key,
        SecretBytes,
        salt: [],
        Encoding.ASCII.GetBytes($"webhook {signer.ServiceSid} {signer.ServiceId} {signer.Generation}")));
}
