namespace GrpcPresence.Core.Watching;

/// <summary>
/// A message that many watchers are sent alike. Immutable, but for the bytes, which are made by whoever sends it first. Safe from any thread.
/// </summary>
public sealed class SharedMessage
{
    private byte[]? _bytes;
    private EncodedToken? _token;

    internal SharedMessage(UserUpdate[] users, long newest)
    {
        Users = users;
        Newest = newest;
    }

    /// <summary>The updates.</summary>
    public IReadOnlyList<UserUpdate> Users { get; }

    /// <summary>The newest revision of their states.</summary>
    internal long Newest { get; }

    /// <summary>The bytes of the updates, made at the first call. Two threads may make them at once; one result is kept.</summary>
    public byte[] Encode<TState>(TState state, Func<TState, byte[]> make) =>
        Volatile.Read(ref _bytes) ?? Interlocked.CompareExchange(ref _bytes, make(state), null) ?? _bytes!;

    /// <summary>The text of the resume token that goes with the message: watchers who keep up share it too.</summary>
    public string Encode(ResumeToken token)
    {
        if (Volatile.Read(ref _token) is { } encoded && encoded.Token == token)
            return encoded.Text;
        var text = token.Encode();
        Volatile.Write(ref _token, new EncodedToken(token, text));
        return text;
    }

    private sealed record EncodedToken(ResumeToken Token, string Text);
}
