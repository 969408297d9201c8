using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Domain.Users;

namespace GrpcPresence.Core.Storage.Batches;

/// <summary>What a batch must read of one service instance. A key may be named several times. Used only by the writer's thread.</summary>
public sealed class ServiceKeys
{
    private readonly List<UserLookup> _users = [];
    private readonly List<UserLookup> _presences = [];
    private readonly List<BindingSid> _bindings = [];
    private readonly List<(BindingType Type, string Endpoint)> _addresses = [];

    /// <summary>The service instance. Its record is always read.</summary>
    public ServiceSid Sid { get; private set; }

    /// <summary>Users to read whole.</summary>
    public IReadOnlyList<UserLookup> Users => _users;

    /// <summary>Users of which only the presence is to be read.</summary>
    public IReadOnlyList<UserLookup> Presences => _presences;

    /// <summary>Push bindings to read by SID.</summary>
    public IReadOnlyList<BindingSid> Bindings => _bindings;

    /// <summary>Push bindings to read by address.</summary>
    public IReadOnlyList<(BindingType Type, string Endpoint)> Addresses => _addresses;

    /// <summary>Whether to read the webhook settings.</summary>
    public bool NeedsWebhook { get; set; }

    /// <summary>Whether to read the notification settings.</summary>
    public bool NeedsNotifications { get; set; }

    /// <summary>Adds a user to read whole.</summary>
    public void AddUser(UserLookup user) => _users.Add(user);

    /// <summary>Adds a user of which only the presence is read.</summary>
    public void AddPresence(UserLookup user) => _presences.Add(user);

    /// <summary>Adds a push binding. Its user is read with it.</summary>
    public void AddBinding(BindingSid sid) => _bindings.Add(sid);

    /// <summary>Adds the push binding with this address. Its user is read with it.</summary>
    public void AddBinding(BindingType type, string endpoint) => _addresses.Add((type, endpoint));

    internal void Begin(ServiceSid sid)
    {
        Sid = sid;
        _users.Clear();
        _presences.Clear();
        _bindings.Clear();
        _addresses.Clear();
        NeedsWebhook = false;
        NeedsNotifications = false;
    }
}
