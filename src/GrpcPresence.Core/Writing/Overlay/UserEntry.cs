using GrpcPresence.Core.Domain.Users;
using GrpcPresence.Core.Storage.Batches;

namespace GrpcPresence.Core.Writing.Overlay;

/// <summary>
/// A user in a batch, as the batch changes it: whole, or its presence alone. Kept for the next batch. Used only by the writer's thread.
/// </summary>
internal sealed class UserEntry
{
    private UserPresence _presence; // meaningless while the whole user is known

    /// <summary>
    /// Stands for a user that the store did not find by its key, so that it is unknown whether another user has the identity.
    /// </summary>
    public static UserEntry Unknown { get; } = new();

    /// <summary>The store's key of the user.</summary>
    public long Id { get; private set; }

    /// <summary>The SID.</summary>
    public UserSid Sid { get; private set; }

    /// <summary>Whether the user ever had a push binding.</summary>
    public bool HadBinding { get; private set; }

    /// <summary>The whole user; null if only its presence was read.</summary>
    public UserRecord? Record { get; private set; }

    /// <summary>The presence.</summary>
    public UserPresence Presence => Record is { } record ? UserPresence.Of(record) : _presence;

    /// <summary>Whether the batch added the user.</summary>
    public bool IsNew { get; private set; }

    /// <summary>Whether the batch removed the user.</summary>
    public bool IsDeleted { get; private set; }

    /// <summary>Whether the batch changed the presence.</summary>
    public bool IsPresenceChanged { get; private set; }

    /// <summary>Whether the batch changed more than the presence.</summary>
    public bool IsChanged { get; private set; }

    /// <summary>Begins with a user that exists.</summary>
    public void Begin(UserRecord user, bool isNew = false)
    {
        (IsNew, IsDeleted, IsPresenceChanged, IsChanged) = (isNew, false, false, false);
        SetRecord(user);
    }

    /// <summary>Begins with the presence of a user that exists.</summary>
    public void Begin(in StoredPresence user)
    {
        (IsNew, IsDeleted, IsPresenceChanged, IsChanged) = (false, false, false, false);
        (Id, Sid, HadBinding, Record, _presence) = (user.Id, user.Sid, user.HadBinding, null, user.Presence);
    }

    /// <summary>Replaces the user.</summary>
    public void Change(UserRecord user)
    {
        SetRecord(user);
        IsChanged = true;
    }

    /// <summary>Replaces the presence.</summary>
    public void Change(in UserPresence presence)
    {
        if (Record is { } record)
            Record = presence.ApplyTo(record);
        else
            _presence = presence;
        IsPresenceChanged = true;
    }

    /// <summary>Removes the user.</summary>
    public void Delete() => IsDeleted = true;

    /// <summary>Forgets the user, so that the memory of an entry that waits for the next batch stays small.</summary>
    public void Clear() => Record = null;

    private void SetRecord(UserRecord user) => (Id, Sid, HadBinding, Record) = (user.Id, user.Sid, user.HadBinding, user);
}
