using GrpcPresence.Core.Changes.Store;
using GrpcPresence.Core.Configuration;
using GrpcPresence.Core.Users;

namespace GrpcPresence.Server.Tests.Fixture;

internal sealed class StubTransaction(StubState begun, Action<StubState> commit) : IStoreTransaction
{
    private StubState _state = begun with { LastId = begun.LastId + 1 };

    public long Id { get; } = begun.LastId + 1;

    public ServiceRecord? FindService(ServiceSid service) => _state.FindService(service);

    public ServiceRecord InsertService(ServiceRecord service)
    {
        service = service with { Id = NextId() };
        UpdateService(service);
        return service;
    }

    public void UpdateService(ServiceRecord service) => _state = _state with { Services = _state.Services.SetItem(service.Id, service) };

    public void DeleteService(long serviceId) => _state = _state with { Services = _state.Services.Remove(serviceId) };

    public UserRecord? FindUser(long serviceId, UserKey key) => _state.FindUser(serviceId, key);

    public UserRecord InsertUser(long serviceId, UserRecord user)
    {
        user = user with { Id = NextId() };
        _state = _state with { Users = _state.Users.Add(user.Id, (serviceId, user)) };
        return user;
    }

    public void UpdateUser(UserRecord user) =>
        _state = _state with { Users = _state.Users.SetItem(user.Id, (_state.Users[user.Id].ServiceId, user)) };

    public void DeleteUser(long serviceId, UserRecord user, Tombstone tombstone) =>
        _state = _state with
        {
            Users = _state.Users.Remove(user.Id),
            Bindings = _state.Bindings.RemoveRange(
                _state.BindingsOf(serviceId).Where(binding => binding.UserSid == user.Sid).Select(binding => binding.Id)),
        };

    public PushBinding? FindBinding(long serviceId, BindingSid binding) =>
        _state.BindingsOf(serviceId).SingleOrDefault(each => each.Sid == binding);

    public PushBinding? FindBinding(long serviceId, BindingType type, string endpoint) =>
        _state.BindingsOf(serviceId).SingleOrDefault(each => each.Type == type && each.Endpoint == endpoint);

    public PushBinding InsertBinding(long serviceId, long userId, PushBinding binding)
    {
        binding = binding with { Id = NextId() };
        _state = _state with { Bindings = _state.Bindings.Add(binding.Id, (serviceId, binding)) };
        return binding;
    }

    public void MoveBinding(PushBinding binding, long userId) =>
        _state = _state with { Bindings = _state.Bindings.SetItem(binding.Id, (_state.Bindings[binding.Id].ServiceId, binding)) };

    public void DeleteBinding(PushBinding binding) => _state = _state with { Bindings = _state.Bindings.Remove(binding.Id) };

    public int Purge(DateTimeOffset tombstonesBefore, int limit) => 0;

    public void Commit() => commit(_state);

    public void Dispose()
    {
    }

    private long NextId()
    {
        _state = _state with { LastId = _state.LastId + 1 };
        return _state.LastId;
    }
}
