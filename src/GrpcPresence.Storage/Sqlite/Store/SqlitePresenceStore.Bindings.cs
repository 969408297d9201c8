using Dapper;
using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Domain.Users;
using GrpcPresence.Storage.Sqlite.Native;

namespace GrpcPresence.Storage.Sqlite.Store;

/// <summary>Reads of push bindings.</summary>
public sealed partial class SqlitePresenceStore
{
    /// <inheritdoc/>
    public ValueTask<PushBinding?> FindBindingAsync(ServiceSid service, BindingSid binding, CancellationToken cancellationToken) =>
        ReadAsync(
            reader => reader.Connection.QueryFirstOrDefault<BindingRow>(
                BindingRow.Select + " WHERE b.service_id = @ServiceId AND b.sid = @Sid",
                new { ServiceId = reader.Service(service).Id, Sid = SidBytes.Of(binding.Value) })?.ToBinding(),
            cancellationToken);

    /// <inheritdoc/>
    public ValueTask<IReadOnlyList<PushBinding>> ListBindingsAsync(
        ServiceSid service, BindingFilter filter, long afterId, int limit, CancellationToken cancellationToken) =>
        ReadAsync<IReadOnlyList<PushBinding>>(
            reader =>
            {
                var record = reader.Service(service);
                var rows = filter.NamesUsers
                    ? ListBindingsOf(FindOwners(reader, record, filter), reader, filter.Types, afterId, limit)
                    : filter.Types.Count > 0
                        ? ListBindingsOf(filter.Types, reader, record, afterId, limit)
                        : reader.Connection.Query<BindingRow>(
                            BindingRow.Select + " WHERE b.service_id = @ServiceId AND b.id > @AfterId ORDER BY b.id LIMIT @Limit",
                            new { ServiceId = record.Id, AfterId = afterId, Limit = limit });
                return rows.Select(row => row.ToBinding()).ToList();
            },
            cancellationToken);

    /// <summary>Returns the keys of the existing users that the filter names.</summary>
    private static HashSet<long> FindOwners(Reader reader, ServiceRecord service, BindingFilter filter)
    {
        var owners = filter.Users.Select(key => FindUser(reader, service, key)).OfType<UserRecord>().Select(user => user.Id).ToHashSet();
        if (filter.User is { } required)
            owners.Add(FindUser(reader, service, required)?.Id ?? throw PresenceErrors.UserNotFound(required));
        return owners;
    }

    private static IEnumerable<BindingRow> ListBindingsOf(
        HashSet<long> users, Reader reader, IReadOnlyList<BindingType> types, long afterId, int limit) =>
        reader.Connection.Query<BindingRow>(
            BindingRow.Select
                + " WHERE b.user_id IN @Users AND b.id > @AfterId AND (@AnyType OR b.type IN @Types) ORDER BY b.id LIMIT @Limit",
            new { Users = users, AnyType = types.Count == 0, Types = Numbers(types), AfterId = afterId, Limit = limit });

    /// <summary>
    /// Reads a page of each type by its index, and returns the first bindings of these. SQLite would sort all bindings of all types for one
    /// page.
    /// </summary>
    private static IEnumerable<BindingRow> ListBindingsOf(
        IReadOnlyList<BindingType> types, Reader reader, ServiceRecord service, long afterId, int limit) =>
        Numbers(types)
            .SelectMany(type => reader.Connection.Query<BindingRow>(
                BindingRow.Select + " WHERE b.service_id = @ServiceId AND b.type = @Type AND b.id > @AfterId ORDER BY b.id LIMIT @Limit",
                new { ServiceId = service.Id, Type = type, AfterId = afterId, Limit = limit }))
            .OrderBy(row => row.Id)
            .Take(limit);

    private static IEnumerable<long> Numbers(IReadOnlyList<BindingType> types) => types.Select(type => (long)type);
}
