using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Domain.Users;

namespace GrpcPresence.Core.Storage.Batches;

/// <summary>
/// What a batch has read of one service instance. The lists stand in the order of <see cref="ServiceKeys"/>, and are empty if the service
/// instance does not exist.
/// </summary>
public sealed class ServiceRead
{
    /// <summary>The service instance; null if it does not exist or was deleted.</summary>
    public StoredService? Service { get; set; }

    /// <summary>The users of <see cref="ServiceKeys.Users"/>; null for one that does not exist.</summary>
    public List<UserRecord?> Users { get; } = [];

    /// <summary>The users of <see cref="ServiceKeys.Presences"/>; <c>default</c> for one that does not exist.</summary>
    public List<StoredPresence> Presences { get; } = [];

    /// <summary>The push bindings of <see cref="ServiceKeys.Bindings"/>; null for one that does not exist.</summary>
    public List<OwnedBinding?> Bindings { get; } = [];

    /// <summary>The push bindings of <see cref="ServiceKeys.Addresses"/>; null for one that does not exist.</summary>
    public List<OwnedBinding?> BindingsByAddress { get; } = [];

    /// <summary>
    /// The version of each user that was read, by key. Empty if the store compares only the version of the service instance.
    /// </summary>
    public Dictionary<long, long> UserVersions { get; } = [];

    /// <summary>The webhook settings if they were to be read; null if they were never set.</summary>
    public StoredWebhook? Webhook { get; set; }

    /// <summary>The notification settings if they were to be read; the defaults if they were never set.</summary>
    public NotificationSettings? Notifications { get; set; }

    internal void Clear()
    {
        Service = null;
        Users.Clear();
        Presences.Clear();
        Bindings.Clear();
        BindingsByAddress.Clear();
        UserVersions.Clear();
        Webhook = null;
        Notifications = null;
    }
}

/// <summary>A push binding with its user, which the caller cannot name before it knows the binding.</summary>
/// <param name="Binding">The push binding.</param>
/// <param name="Owner">The user.</param>
public sealed record OwnedBinding(PushBinding Binding, UserRecord Owner);
