using GrpcPresence.Core.Changes;
using GrpcPresence.Core.Users;

namespace GrpcPresence.Core.Watching;

/// <summary>
/// The changes of one batch as every watcher that wants all of them owes them to its client: what a thousand watchers would each work out is worked out
/// once. Safe from any thread.
/// </summary>
internal sealed class SharedChanges
{
    private readonly Lock _gate = new(); // guards the messages; taken inside a watcher's lock, and the only call out is the encoder's, which is pure
    private readonly PendingUser[] _users;
    private readonly Dictionary<UserView, List<SharedMessage>> _messages = [];

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

    /// <summary>The first of the users that were not taken yet: in the order in which they became dirty.</summary>
    public PendingUser this[int index] => _users[index];

    /// <summary>One of the messages that the users make in the view of the builder, which must be empty. Each holds as many as it can.</summary>
    public SharedMessage MessageAt(int index, MessageBuilder builder)
    {
        lock (_gate)
        {
            if (!_messages.TryGetValue(builder.View, out var messages))
                _messages.Add(builder.View, messages = Build(builder));
            return messages[index];
        }
    }

    private List<SharedMessage> Build(MessageBuilder builder)
    {
        var messages = new List<SharedMessage>();
        var newest = 0L;
        foreach (var user in _users)
        {
            var update = new UserUpdate(user.State, user.Reasons);
            if (!builder.TryAdd(update))
            {
                End();
                builder.TryAdd(update);
            }
            newest = Math.Max(newest, user.Revision);
        }
        End();
        return messages;

        void End()
        {
            messages.Add(new SharedMessage([.. builder.Take()], newest));
            newest = 0;
        }
    }
}
