using System.Collections.Immutable;
using GrpcPresence.Core.Configuration;
using GrpcPresence.Core.Users;

namespace GrpcPresence.Server.Tests.Fixture;

/// <summary>All that the stub holds. Immutable: a transaction makes another one.</summary>
internal sealed record StubState
{
    public long LastId { get; init; }

    public ImmutableSortedDictionary<long, ServiceRecord> Services { get; init; } = ImmutableSortedDictionary<long, ServiceRecord>.Empty;

    public ImmutableSortedDictionary<long, (long ServiceId, UserRecord User)> Users { get; init; } =
        ImmutableSortedDictionary<long, (long, UserRecord)>.Empty;

    public ImmutableSortedDictionary<long, (long ServiceId, PushBinding Binding)> Bindings { get; init; } =
        ImmutableSortedDictionary<long, (long, PushBinding)>.Empty;

    public ServiceRecord? FindService(ServiceSid sid) => Services.Values.SingleOrDefault(service => service.Sid == sid);

    public IEnumerable<UserRecord> UsersOf(long serviceId) =>
        Users.Values.Where(entry => entry.ServiceId == serviceId).Select(entry => entry.User);

    public UserRecord? FindUser(long serviceId, UserKey key) =>
        UsersOf(serviceId).SingleOrDefault(user => key.IsSid ? user.Sid == key.Sid : user.Identity == key.Identity);

    public IEnumerable<PushBinding> BindingsOf(long serviceId) =>
        Bindings.Values.Where(entry => entry.ServiceId == serviceId).Select(entry => entry.Binding);
}
