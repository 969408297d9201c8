using GrpcPresence.Core.Domain.Users;

namespace GrpcPresence.Core.Watching;

/// <summary>A user whose change a watcher has still to send. An entry of <see cref="PendingUsers"/>.</summary>
internal sealed class PendingUser(UserState state, UpdateReasons reasons, long revision, long firstDirty)
{
    /// <summary>The newest state.</summary>
    public UserState State { get; private set; } = state;

    /// <summary>What changed since the user was last sent.</summary>
    public UpdateReasons Reasons { get; private set; } = reasons;

    /// <summary>The revision of the newest state.</summary>
    public long Revision { get; private set; } = revision;

    /// <summary>The revision of the first change that is pending: what the resume token may not reach.</summary>
    public long FirstDirty { get; } = firstDirty;

    /// <summary>The entry before this one.</summary>
    public PendingUser? Previous { get; set; }

    /// <summary>The entry after this one.</summary>
    public PendingUser? Next { get; set; }

    /// <summary>The same entry, for another list.</summary>
    public PendingUser Copy() => new(State, Reasons, Revision, FirstDirty);

    /// <summary>Takes a later change; the entry keeps its place.</summary>
    public void Merge(UserState state, UpdateReasons reasons, long revision)
    {
        Reasons |= reasons;
        if (revision < Revision)
            return;
        State = state;
        Revision = revision;
    }
}
