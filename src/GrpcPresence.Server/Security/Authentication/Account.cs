using System.Security.Cryptography;
using System.Text;
using GrpcPresence.Server.Settings;

namespace GrpcPresence.Server.Security.Authentication;

/// <summary>
/// The account that the deployment belongs to. Its secret, if the settings contain one, permits every call. Safe from any thread.
/// </summary>
internal sealed class Account
{
    private readonly string _sid;
    private readonly bool _isNamed;
    private readonly byte[]? _tokenHash;

    /// <summary>Creates the account of the settings.</summary>
    public Account(ServerSettings settings)
    {
        _sid = settings.AccountSid;
        _isNamed = _sid != ServerSettings.DefaultAccountSid;
        _tokenHash = settings.AuthToken is { } token ? Hash(token) : null;
        Caller = Caller.Account(_sid);
    }

    /// <summary>Whether the account has a secret that callers can present.</summary>
    public bool HasToken => _tokenHash is not null;

    /// <summary>The caller that presents the secret.</summary>
    public Caller Caller { get; }

    /// <summary>
    /// Whether these are the account's SID and secret. The comparison takes the same time for every wrong secret, and for every SID.
    /// </summary>
    public bool Accepts(string sid, string token) =>
        _tokenHash is not null && CryptographicOperations.FixedTimeEquals(Hash(token), _tokenHash) && sid == _sid;

    /// <summary>Whether an access token may name this subject. Any subject is accepted unless the settings name the account.</summary>
    public bool AcceptsSubject(string? subject) => !_isNamed || subject is null || subject == _sid;

    private static byte[] Hash(string token) => SHA256.HashData(Encoding.UTF8.GetBytes(token));
}
