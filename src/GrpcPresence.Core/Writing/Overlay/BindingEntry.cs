using GrpcPresence.Core.Domain.Users;

namespace GrpcPresence.Core.Writing.Overlay;

/// <summary>A push binding in a batch, as the batch changes it. Used only by the writer's thread.</summary>
internal sealed class BindingEntry(PushBinding binding, long userId, bool isNew)
{
    /// <summary>The push binding.</summary>
    public PushBinding Binding { get; private set; } = binding;

    /// <summary>The store's key of its user.</summary>
    public long UserId { get; private set; } = userId;

    /// <summary>Whether the batch added the push binding.</summary>
    public bool IsNew { get; } = isNew;

    /// <summary>Whether the batch moved the push binding to another user.</summary>
    public bool IsMoved { get; private set; }

    /// <summary>Whether the batch removed the push binding.</summary>
    public bool IsDeleted { get; set; }

    /// <summary>Moves the push binding to another user.</summary>
    public void Move(PushBinding moved, long userId) => (Binding, UserId, IsMoved) = (moved, userId, true);
}
