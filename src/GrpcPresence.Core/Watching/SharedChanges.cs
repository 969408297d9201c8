using GrpcPresence.Core.Domain.Users;
using GrpcPresence.Core.Writing;

namespace GrpcPresence.Core.Watching;

/// <summary>
/// The changes of one batch as every watcher that wants all of them owes them to its client: what a thousand watchers would each work out is worked out
/// once. Safe from any thread.
/// </summary>
internal sealed class SharedChanges
{
    private readonly Lock _gate = new(); // guards the messages; taken inside a watcher's lock, and the only call out is the encoder's, which is pure
    private readonly PendingUser[] _users;
    private readonly Dictionary<UserView, (List<SharedMessage> Made, int Users)> _messages = []; // of each view, and how many users are in them

    /// <summary>Takes changes, by ascending revision.</summary>
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

    /// <summary>How many users changed.</summary>
    public int Count => _users.Length;

    /// <summary>The newest revision.</summary>
    public long Newest { get; }

    /// <summary>No change of these users before this batch is newer than this revision.</summary>
    public long Previous { get; }

    /// <summary>A user, in the order in which they became dirty.</summary>
    public PendingUser this[int index] => _users[index];

    /// <summary>
    /// One of the messages that the users make in the view of the builder, which must be empty. Each holds as many as it can, and is made when it is first
    /// asked for: who waits for the lock waits for one message at the most.
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
