using GrpcPresence.Core.Domain;
using GrpcPresence.Core.Domain.Users;

namespace GrpcPresence.Core.Watching;

/// <summary>Gathers the updates of one message, up to its bounds.</summary>
internal sealed class MessageBuilder(IUserEncoder encoder, UserView view)
{
    private List<UserUpdate>? _updates; // null while there is nothing in it
    private int _bytes;

    /// <summary>The view that it is for.</summary>
    public UserView View => view;

    /// <summary>Whether there is nothing in it.</summary>
    public bool IsEmpty => _updates is null;

    /// <summary>Adds the update; false when the message is full. A message takes at least one.</summary>
    public bool TryAdd(UserUpdate update)
    {
        var bytes = update.State.Encode(encoder, view).Length;
        if (_updates is { } updates && (updates.Count == Limits.WatchUpdatesPerMessage || _bytes + bytes > Limits.WatchMessageBytes))
            return false;
        (_updates ??= []).Add(update);
        _bytes += bytes;
        return true;
    }

    /// <summary>Takes what was gathered, and begins anew.</summary>
    public IReadOnlyList<UserUpdate> Take()
    {
        var taken = _updates ?? [];
        _updates = null;
        _bytes = 0;
        return taken;
    }
}
