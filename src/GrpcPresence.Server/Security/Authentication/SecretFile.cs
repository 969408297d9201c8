using System.Security.Cryptography;
using GrpcPresence.Core.Domain.ApiKeys;
using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Server.Settings;
using GrpcPresence.Server.Telemetry;
using GrpcPresence.Storage.Sqlite.Files;

namespace GrpcPresence.Server.Security.Authentication;

/// <summary>
/// Holds the half of every API key's secret that never enters the database, in a separate file beside it. Each secret is derived (HKDF, RFC
/// 5869) from the file's key and the API key's salt, because verifying an access token requires the secret that signed it. Without the
/// file, API keys still work, because the database has their hashes. Access tokens do not work. Safe from any thread.
/// </summary>
internal sealed class SecretFile(ServerSettings settings, ILogger<SecretFile>? logger = null)
{
    /// <summary>The bytes of the file's key: the length of the hash that derives secrets.</summary>
    private const int KeyBytes = 64;

    private const int SaltBytes = 16;

    /// <summary>The characters of a secret: the key length that HS512 requires.</summary>
    private const int SecretLength = 64;

    /// <summary>
    /// Letters and digits only, because the client library for Go rejects a password with any other character before it sends it.
    /// </summary>
    private const string Alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

    /// <summary>
    /// The bytes from which a secret is made. One in 32 is not used, so half of them suffice: the probability that they do not is below
    /// 10^-60.
    /// </summary>
    private const int DerivedBytes = 2 * SecretLength;

    /// <summary>The bytes of a secret of earlier builds, which was their base64url.</summary>
    private const int EarlierBytes = 48;

    private readonly Lock _gate = new(); // guards the key and the creation of the file
    private byte[]? _key;
    private string? _logged; // the failure that the log has, because each call would log it again

    /// <summary>Whether the file's key is in memory. From then on, it does not change.</summary>
    public bool IsLoaded => Volatile.Read(ref _key) is not null;

    /// <summary>Creates a secret for an API key. Creates the file when it does not exist.</summary>
    /// <exception cref="PresenceException">StorageUnavailable: the file cannot be read or created.</exception>
    public (string Secret, ApiKeySecret Stored) New(ApiKeySid sid)
    {
        var salt = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(SaltBytes));
        var secret = Derive(GetOrCreateKey(), sid, salt);
        return (secret, ApiKeySecret.Of(salt, secret));
    }

    /// <summary>
    /// Copies the key of another database's secret file, so that the secrets of its API keys and of its webhooks stay what they are. Does
    /// nothing if this file has the same key.
    /// </summary>
    /// <exception cref="SettingsException">This file has another key, or one of the files cannot be used.</exception>
    public void TakeOver(string other)
    {
        var present = Key(mayCreate: false);
        lock (_gate)
        {
            try
            {
                var key = Read(other);
                if (present is null)
                    Create(_key = key);
                else if (!CryptographicOperations.FixedTimeEquals(present, key))
                    throw new FormatException($"It differs from '{other}'. Remove it, or name another file.");
            }
            catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or FormatException)
            {
                throw Unusable(exception);
            }
        }
    }

    /// <summary>Returns the file's key, from which other secrets are derived too. Creates the file when it does not exist.</summary>
    /// <exception cref="PresenceException">StorageUnavailable: the file cannot be read or created.</exception>
    public byte[] GetOrCreateKey() => KeyForCall(mayCreate: true)!;

    /// <summary>Returns the file's key, or null when the file does not exist.</summary>
    /// <exception cref="PresenceException">StorageUnavailable: the file cannot be read.</exception>
    public byte[]? FindKey() => KeyForCall(mayCreate: false);

    /// <summary>Returns the secret of an API key, or null when it was not derived from this file.</summary>
    /// <exception cref="PresenceException">StorageUnavailable: the file cannot be read.</exception>
    public string? Find(ApiKeySid sid, ApiKeySecret stored)
    {
        if (KeyForCall(mayCreate: false) is not { } key)
            return null;
        return new[] { Derive(key, sid, stored.Salt), DeriveEarlier(key, sid, stored.Salt) }.FirstOrDefault(stored.Matches);
    }

    private static string Derive(byte[] key, ApiKeySid sid, string salt)
    {
        // The remainder of a larger byte would make the first letters more likely than the others.
        const int Unbiased = byte.MaxValue / 62 * 62;
        var characters = DeriveBytes(key, DerivedBytes, salt, $"alphanumeric secret of API key {sid}")
            .Where(value => value < Unbiased).Take(SecretLength).Select(value => Alphabet[value % Alphabet.Length]);
        return string.Concat(characters);
    }

    private static string DeriveEarlier(byte[] key, ApiKeySid sid, string salt) =>
        System.Buffers.Text.Base64Url.EncodeToString(DeriveBytes(key, EarlierBytes, salt, $"API key {sid}"));

    private static byte[] DeriveBytes(byte[] key, int length, string salt, string purpose) =>
        HKDF.DeriveKey(HashAlgorithmName.SHA512, key, length, Convert.FromHexString(salt), System.Text.Encoding.ASCII.GetBytes(purpose));

    private byte[]? Key(bool mayCreate)
    {
        lock (_gate)
        {
            try
            {
                // A directory in the place of the file is an error too. Without a file, webhooks are sent unsigned.
                if (_key is null && Path.Exists(settings.SecretFile))
                    _key = Read(settings.SecretFile);
                if (_key is null && mayCreate)
                    Create(_key = RandomNumberGenerator.GetBytes(KeyBytes));
                return _key;
            }
            catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or FormatException)
            {
                _key = null;
                throw Unusable(exception);
            }
        }
    }

    /// <summary>
    /// Returns the key. The caller learns only that there is a failure, because the cause names files. The log has the cause.
    /// </summary>
    private byte[]? KeyForCall(bool mayCreate)
    {
        try
        {
            return Key(mayCreate);
        }
        catch (SettingsException exception)
        {
            if (logger is not null && Interlocked.Exchange(ref _logged, exception.Message) != exception.Message)
                Log.SecretFileFailed(logger, exception.Message);
            throw new PresenceException(
                ErrorReason.StorageUnavailable, "The server cannot use its secret file. The log of the server has the cause.", exception);
        }
    }

    private static byte[] Read(string path)
    {
        var key = Convert.FromHexString(File.ReadAllText(path).Trim());
        return key.Length == KeyBytes ? key : throw new FormatException($"'{path}' must hold {KeyBytes * 2} hexadecimal digits.");
    }

    private SettingsException Unusable(Exception cause)
    {
        var name = $"{ServerSettings.Section}:{nameof(ServerSettings.SecretFile)}";
        return new SettingsException($"{name} \"{settings.SecretFile}\" cannot be used: {cause.Message}");
    }

    /// <summary>
    /// Creates the file. Writes it completely and flushes it to disk before it gets its name: without this key, the access tokens of every
    /// API key derived from it are worthless.
    /// </summary>
    private void Create(byte[] key)
    {
        var partialFile = settings.SecretFile + ".partial";
        PrivateFiles.CreateDirectory(Path.GetDirectoryName(settings.SecretFile)!);
        File.Delete(partialFile);
        using (var file = new FileStream(partialFile, PrivateFiles.CreationOptions(FileMode.CreateNew)))
        {
            file.Write(System.Text.Encoding.ASCII.GetBytes(Convert.ToHexStringLower(key) + "\n"));
            file.Flush(flushToDisk: true);
        }
        File.Move(partialFile, settings.SecretFile, overwrite: false);
    }
}
