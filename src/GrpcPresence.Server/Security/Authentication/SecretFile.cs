using System.Security.Cryptography;
using GrpcPresence.Core.Domain.ApiKeys;
using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Server.Settings;

namespace GrpcPresence.Server.Security.Authentication;

/// <summary>
/// The half of every API key's secret that never enters the database: a file of its own beside it. A secret is derived from it (HKDF, RFC
/// 5869) and the
/// key's salt, because an access token can only be verified by who has the secret that signed it. Without the file API keys still count, by
/// their
/// hashes; access tokens do not. Safe from any thread.
/// </summary>
internal sealed class SecretFile(ServerSettings settings)
{
    /// <summary>Bytes of the file's key: as many as the hash of the derivation has.</summary>
    private const int KeyBytes = 64;

    private const int SaltBytes = 16;

    /// <summary>Bytes of a secret: 64 characters of base64url, which is what HS512 asks of its key.</summary>
    private const int SecretBytes = 48;

    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    private readonly Lock _gate = new(); // guards the key and the making of the file
    private byte[]? _key;

    /// <summary>A new secret of an API key. Makes the file when there is none.</summary>
    /// <exception cref="PresenceException">StorageUnavailable: the file cannot be read or made.</exception>
    public (string Secret, ApiKeySecret Stored) New(ApiKeySid sid)
    {
        var salt = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(SaltBytes));
        try
        {
            var secret = Derive(Key(mayMake: true)!, sid, salt);
            return (secret, ApiKeySecret.Of(salt, secret));
        }
        catch (SettingsException exception)
        {
            throw new PresenceException(ErrorReason.StorageUnavailable, exception.Message, exception);
        }
    }

    /// <summary>The secret of an API key; null when it was not derived from this file.</summary>
    /// <exception cref="SettingsException">The file cannot be read.</exception>
    public string? Find(ApiKeySid sid, ApiKeySecret stored)
    {
        if (Key(mayMake: false) is not { } key)
            return null;
        var secret = Derive(key, sid, stored.Salt);
        return stored.Matches(secret) ? secret : null;
    }

    private static string Derive(byte[] key, ApiKeySid sid, string salt) => System.Buffers.Text.Base64Url.EncodeToString(HKDF.DeriveKey(
        HashAlgorithmName.SHA512, key, SecretBytes, Convert.FromHexString(salt), System.Text.Encoding.ASCII.GetBytes($"API key {sid}")));

    private byte[]? Key(bool mayMake)
    {
        lock (_gate)
        {
            try
            {
                if (_key is null && File.Exists(settings.SecretFile))
                    _key = Read();
                if (_key is null && mayMake)
                    _key = Make();
                return _key;
            }
            catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or FormatException)
            {
                throw new SettingsException(
                    $"{ServerSettings.Section}:{nameof(ServerSettings.SecretFile)} cannot be used: {exception.Message}");
            }
        }
    }

    private byte[] Read()
    {
        var key = Convert.FromHexString(File.ReadAllText(settings.SecretFile).Trim());
        return key.Length == KeyBytes ? key
            : throw new FormatException($"'{settings.SecretFile}' must hold {KeyBytes * 2} hexadecimal digits.");
    }

    /// <summary>
    /// Whole and on the disk before it has its name: access tokens of the keys that are made of it are worth nothing without it.
    /// </summary>
    private byte[] Make()
    {
        var key = RandomNumberGenerator.GetBytes(KeyBytes);
        var making = settings.SecretFile + ".partial";
        Directory.CreateDirectory(Path.GetDirectoryName(settings.SecretFile)!);
        File.Delete(making);
        var options = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write };
        if (!OperatingSystem.IsWindows())
            options.UnixCreateMode = OwnerOnly;
        using (var file = new FileStream(making, options))
        {
            file.Write(System.Text.Encoding.ASCII.GetBytes(Convert.ToHexStringLower(key) + "\n"));
            file.Flush(flushToDisk: true);
        }
        File.Move(making, settings.SecretFile, overwrite: false);
        return key;
    }
}
