using GrpcPresence.Core.Domain;
using GrpcPresence.Core.Domain.Users;

namespace GrpcPresence.Core.Watching;

/// <summary>Collects the updates of one message, up to its limits of users and bytes.</summary>
internal sealed class MessageBuilder(IUserEncoder encoder, UserView view)
{
    private List<UserUpdate>? _updates; // null while the message is empty, so that an idle watch holds no list
    private int _bytes;

    public UserView View => view;

    public bool IsEmpty => _updates is null;

    /// <summary>Adds the update. Returns false if the message is full; an empty message takes an update of any size.</summary>
    public bool TryAdd(UserUpdate update)
    {
        var bytes = update.State.Encode(encoder, view).Length;
        if (_updates is { } updates && (updates.Count == Limits.WatchUpdatesPerMessage || _bytes + bytes > Limits.WatchMessageBytes))
            return false;
        (_updates ??= []).Add(update);
        _bytes += bytes;
        return true;
    }

    /// <summary>Returns the updates, and leaves the builder empty.</summary>
    public IReadOnlyList<UserUpdate> Take()
    {
        var taken = _updates ?? [];
        _updates = null;
        _bytes = 0;
        return taken;
    }
}
