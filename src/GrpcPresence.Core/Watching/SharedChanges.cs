using GrpcPresence.Core.Domain.Users;
using GrpcPresence.Core.Writing;

namespace GrpcPresence.Core.Watching;

/// <summary>
/// The changes of one batch, for all watches of all users: their messages, bytes and tokens are made once, not once a watch. Safe from any
/// thread.
/// </summary>
internal sealed class SharedChanges
{
    // Guards the messages. Taken under the lock of a queue; the only call out is to the encoder, which is pure.
    private readonly Lock _gate = new();
    private readonly PendingUser[] _users;
    private readonly Dictionary<UserView, (List<SharedMessage> Made, int Users)> _messages = []; // Users: how many are in them

    /// <param name="changes">By ascending revision.</param>
    public SharedChanges(ReadOnlySpan<UserChange> changes)
    {
        var pending = new PendingUsers();
        foreach (ref readonly var change in changes)
        {
            if (!pending.TryMerge(change.State, change.Reasons, change.Revision))
                pending.Add(new PendingUser(change.State, change.Reasons, change.Revision, change.Revision));
            Previous = Math.Max(Previous, change.Previous);
        }
        _users = pending.ToArray();
        Newest = pending.Newest;
    }

    /// <summary>The number of users that changed.</summary>
    public int Count => _users.Length;

    public long Newest { get; }

    /// <summary>
    /// The newest earlier change of any of these users: a watch that has sent everything up to it has none of them pending.
    /// </summary>
    public long Previous { get; }

    /// <summary>The users, in the order in which they became dirty.</summary>
    public PendingUser this[int index] => _users[index];

    /// <summary>
    /// Returns one of the messages that the users fill in the view of the builder, which must be empty. A message is made when the first
    /// watch asks for it, so the others wait for the lock no longer than one message takes.
    /// </summary>
    public SharedMessage MessageAt(int index, MessageBuilder builder)
    {
        lock (_gate)
        {
            if (!_messages.TryGetValue(builder.View, out var messages))
                messages = ([], 0);
            while (messages.Made.Count <= index)
            {
                var message = Build(builder, messages.Users);
                messages.Made.Add(message);
                messages.Users += message.Users.Count;
            }
            _messages[builder.View] = messages;
            return messages.Made[index];
        }
    }

    private SharedMessage Build(MessageBuilder builder, int first)
    {
        var newest = 0L;
        for (var index = first; index < _users.Length; index++)
        {
            var user = _users[index];
            if (!builder.TryAdd(new UserUpdate(user.State, user.Reasons)))
                break;
            newest = Math.Max(newest, user.Revision);
        }
        return new SharedMessage([.. builder.Take()], newest);
    }
}

/// <summary>A message that is the same for many watches. The first stream that sends it makes its bytes. Safe from any thread.</summary>
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

    /// <summary>
    /// Returns the bytes of the updates, which the first call makes. Two threads may make them at once; one result is kept.
    /// </summary>
    public byte[] GetBodyBytes<TState>(TState state, Func<TState, byte[]> make) =>
        Volatile.Read(ref _bytes) ?? Interlocked.CompareExchange(ref _bytes, make(state), null) ?? _bytes!;

    /// <summary>Returns the text of the resume token that goes with the message: watches that keep up have the same token.</summary>
    public string GetTokenText(ResumeToken token)
    {
        if (Volatile.Read(ref _token) is { } encoded && encoded.Token == token)
            return encoded.Text;
        var text = token.Encode();
        Volatile.Write(ref _token, new EncodedToken(token, text));
        return text;
    }

    private sealed record EncodedToken(ResumeToken Token, string Text);
}
