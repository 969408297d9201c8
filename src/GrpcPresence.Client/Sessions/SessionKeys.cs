namespace GrpcPresence.Client.Sessions;

/// <summary>
/// The limits of what names a session, which no server accepts more of. One entry that is larger than a message would break the stream of
/// all sessions again and again. Within these limits an entry has at most 1,100 bytes.
/// </summary>
internal static class SessionKeys
{
    /// <summary>Characters (Unicode code points) of an identity. SIDs are shorter.</summary>
    public const int MaxUserKeyLength = 256;

    /// <summary>Characters of a session id.</summary>
    public const int MaxSessionIdLength = 64;

    /// <summary>Checks the lengths. The server checks the characters.</summary>
    /// <param name="userKey">The user's identity or SID.</param>
    /// <param name="sessionId">The id, or null for a random one.</param>
    /// <exception cref="ArgumentException">One of them is empty or too long.</exception>
    public static void Validate(string userKey, string? sessionId)
    {
        ArgumentException.ThrowIfNullOrEmpty(userKey);
        if (IsTooLong(userKey))
            throw new ArgumentException($"The user key is too long. Use at most {MaxUserKeyLength} characters.", nameof(userKey));
        if (sessionId is null)
            return;
        ArgumentException.ThrowIfNullOrEmpty(sessionId);
        if (sessionId.Length > MaxSessionIdLength)
            throw new ArgumentException($"The session id is too long. Use at most {MaxSessionIdLength} characters.", nameof(sessionId));
    }

    /// <summary>Whether no server accepts so long a user key.</summary>
    public static bool IsTooLong(string userKey) =>
        // A character takes at most two chars, so most keys need not be counted.
        userKey.Length > MaxUserKeyLength && userKey.EnumerateRunes().Count() > MaxUserKeyLength;
}
