using GrpcPresence.Core.Changes.Store;
using GrpcPresence.Core.Configuration;
using GrpcPresence.Core.Errors;
using GrpcPresence.Core.Users;

namespace GrpcPresence.Server.Tests.Fixture;

/// <summary>A store in memory that can be told to fail: as much of the port as unary calls use.</summary>
internal sealed class StubStore : IPresenceStore
{
    private volatile StubState _state = new();
    private volatile Func<CancellationToken, Task> _beforeRead = _ => Task.CompletedTask;
    private volatile Exception? _writeFault;

    /// <summary>What happens before each read; may throw.</summary>
    public void BeforeRead(Func<CancellationToken, Task> action) => _beforeRead = action;

    /// <summary>Reads throw this.</summary>
    public void FailReads(Exception fault) => _beforeRead = _ => Task.FromException(fault);

    /// <summary>Writes throw this; null lets them pass again.</summary>
    public void FailWrites(Exception? fault) => _writeFault = fault;

    public IStoreTransaction BeginTransaction() =>
        _writeFault is { } fault ? throw fault : new StubTransaction(_state, state => _state = state);

    public long Reopen() => 0;

    public void Maintain(bool idle)
    {
    }

    public async ValueTask<ServiceRecord?> FindServiceAsync(ServiceSid service, CancellationToken cancellationToken)
    {
        await _beforeRead(cancellationToken);
        return _state.FindService(service);
    }

    public async ValueTask<IReadOnlyList<ServiceRecord>> ListServicesAsync(long afterId, int limit, CancellationToken cancellationToken)
    {
        await _beforeRead(cancellationToken);
        return [.. _state.Services.Values.Where(service => service.Id > afterId).Take(limit)];
    }

    public async ValueTask<UsersRead> FindUsersAsync(
        ServiceSid service, IReadOnlyList<UserKey> keys, CancellationToken cancellationToken)
    {
        var (state, record) = await ReadAsync(service, cancellationToken);
        var users = keys.Select(key => state.FindUser(record.Id, key)).OfType<UserRecord>().Distinct();
        return new UsersRead(record, [.. users.Select(user => UserState.Of(service, user, record.Configuration))]);
    }

    public async ValueTask<UsersRead> ListUsersAsync(
        ServiceSid service, long afterId, int limit, bool? online, CancellationToken cancellationToken)
    {
        var (state, record) = await ReadAsync(service, cancellationToken);
        var users = state.UsersOf(record.Id).Where(user => user.Id > afterId)
            .Select(user => UserState.Of(service, user, record.Configuration))
            .Where(user => online is null || user.IsOnline == online);
        return new UsersRead(record, [.. users.Take(limit)]);
    }

    public async ValueTask<PushBinding?> FindBindingAsync(ServiceSid service, BindingSid binding, CancellationToken cancellationToken)
    {
        var (state, record) = await ReadAsync(service, cancellationToken);
        return state.BindingsOf(record.Id).SingleOrDefault(each => each.Sid == binding);
    }

    public async ValueTask<IReadOnlyList<PushBinding>> ListBindingsAsync(
        ServiceSid service, UserKey? user, long afterId, int limit, CancellationToken cancellationToken)
    {
        var (state, record) = await ReadAsync(service, cancellationToken);
        var owner = user is { } key ? state.FindUser(record.Id, key) ?? throw Refusals.UserNotFound(key) : null;
        return
        [
            .. state.BindingsOf(record.Id)
                .Where(binding => binding.Id > afterId && (owner is null || binding.UserSid == owner.Sid))
                .Take(limit),
        ];
    }

    public ValueTask<UsersRead> ListKnownUsersAsync(
        ServiceSid service, long afterId, int limit, long knownSince, long upToRevision, CancellationToken cancellationToken) =>
        throw new NotSupportedException();

    public ValueTask<ChangesRead> ListChangesAsync(ServiceSid service, long afterRevision, int limit, CancellationToken cancellationToken) =>
        throw new NotSupportedException();

    public ValueTask<ChangesRead> FindChangesAsync(
        ServiceSid service, IReadOnlyList<UserKey> keys, long afterRevision, CancellationToken cancellationToken) =>
        throw new NotSupportedException();

    public ValueTask<IReadOnlyList<StoredOnlineUser>> ListOnlineUsersAsync(long afterId, int limit, CancellationToken cancellationToken) =>
        throw new NotSupportedException();

    public Guid TimelineOf(ServiceRecord service) => throw new NotSupportedException();

    public ValueTask<long?> FindTimelineEndAsync(ServiceRecord service, Guid timeline, CancellationToken cancellationToken) =>
        throw new NotSupportedException();

    public void Dispose()
    {
    }

    private async ValueTask<(StubState State, ServiceRecord Service)> ReadAsync(ServiceSid service, CancellationToken cancellationToken)
    {
        await _beforeRead(cancellationToken);
        var state = _state;
        return (state, state.FindService(service) ?? throw Refusals.ServiceInstanceNotFound(service));
    }
}
