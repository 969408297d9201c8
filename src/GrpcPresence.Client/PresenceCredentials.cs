using System.Text;

namespace GrpcPresence.Client;

/// <summary>How a client authenticates.</summary>
public sealed class PresenceCredentials
{
    private PresenceCredentials(string? header, Func<string, CancellationToken, Task<string>>? provider) =>
        (Header, Provider) = (header, provider);

    /// <summary>No credentials.</summary>
    public static PresenceCredentials None { get; } = new(null, null);

    /// <summary>The fixed value of <c>authorization</c>, or null.</summary>
    internal string? Header { get; }

    /// <summary>Returns access tokens, or null.</summary>
    internal Func<string, CancellationToken, Task<string>>? Provider { get; }

    internal bool IsNone => Header is null && Provider is null;

    /// <summary>An API key, for back ends. One connection carries the sessions of all users.</summary>
    /// <param name="sid">The SID of the API key: "SK" and 32 hexadecimal digits.</param>
    /// <param name="secret">The secret of the API key.</param>
    public static PresenceCredentials ApiKey(string sid, string secret)
    {
        ArgumentException.ThrowIfNullOrEmpty(sid);
        ArgumentException.ThrowIfNullOrEmpty(secret);
        return new("Basic " + Convert.ToBase64String(Encoding.UTF8.GetBytes($"{sid}:{secret}")), null);
    }

    /// <summary>
    /// Access tokens, for end users. The client asks for a token before it connects, again before the token expires, and after the server
    /// rejected one. If the provider fails, the client asks again later, and uses the present token as long as it is valid. A new token
    /// that the server rejects fails a watch, or the first session of a user, unless it is expired or not valid yet, or the key of the
    /// first one was revoked. Later it ends neither: the client asks again after a growing delay. A user whose tokens are rejected goes
    /// offline when the lease runs out.
    /// </summary>
    /// <param name="provider">
    /// Returns a valid access token (a JWT) of the identity. It may run at several threads at a time. After 30 s without an answer it is
    /// cancelled, and counts as failed.
    /// </param>
    public static PresenceCredentials AccessToken(Func<string, CancellationToken, Task<string>> provider)
    {
        ArgumentNullException.ThrowIfNull(provider);
        return new(null, provider);
    }
}
