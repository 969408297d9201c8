using Dapper;
using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Domain.Users;
using GrpcPresence.Storage.Formats;
using GrpcPresence.Storage.Sqlite.Native;

namespace GrpcPresence.Storage.Sqlite.Store;

/// <summary>Reads of push bindings.</summary>
public sealed partial class SqlitePresenceStore
{
    private const string After = "b.id > @Id ORDER BY b.id";
    private const string Before = "b.id < @Id ORDER BY b.id DESC";

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
            reader => ListBindings(reader, service, filter, After, afterId, limit), cancellationToken);

    /// <inheritdoc/>
    public ValueTask<IReadOnlyList<PushBinding>> ListBindingsBeforeAsync(
        ServiceSid service, BindingFilter filter, long beforeId, int limit, CancellationToken cancellationToken) =>
        ReadAsync<IReadOnlyList<PushBinding>>(
            reader => ListBindings(reader, service, filter, Before, beforeId, limit), cancellationToken);

    private static List<PushBinding> ListBindings(
        Reader reader, ServiceSid service, BindingFilter filter, string range, long id, int limit)
    {
        var record = reader.Service(service);
        var rows = filter.NamesUsers
            ? ListBindingsOf(FindOwners(reader, record, filter), reader, filter.Types, range, id, limit)
            : filter.Types.Count > 0
                ? ListBindingsOf(filter.Types, reader, record, range, id, limit)
                : reader.Connection.Query<BindingRow>(
                    $"{BindingRow.Select} WHERE b.service_id = @ServiceId AND {range} LIMIT @Limit",
                    new { ServiceId = record.Id, Id = id, Limit = limit });
        return [.. rows.Select(row => row.ToBinding())];
    }

    /// <summary>Returns the keys of the existing users that the filter names.</summary>
    private static HashSet<long> FindOwners(Reader reader, ServiceRecord service, BindingFilter filter)
    {
        var ignored = 0; // the caller of the list counts the keys of the filter
        var owners = filter.Users.Select(key => FindUser(reader, service, key, ref ignored)?.Id).OfType<long>().ToHashSet();
        if (filter.User is { } required)
            owners.Add(FindUser(reader, service, required, ref ignored)?.Id ?? throw PresenceErrors.UserNotFound(required));
        return owners;
    }

    private static IEnumerable<BindingRow> ListBindingsOf(
        HashSet<long> users, Reader reader, IReadOnlyList<BindingType> types, string range, long id, int limit) =>
        reader.Connection.Query<BindingRow>(
            $"{BindingRow.Select} WHERE b.user_id IN @Users AND (@AnyType OR b.type IN @Types) AND {range} LIMIT @Limit",
            new { Users = users, AnyType = types.Count == 0, Types = Numbers(types), Id = id, Limit = limit });

    /// <summary>
    /// Reads a page of each type by its index, and returns the first bindings of these. SQLite would sort all bindings of all types for one
    /// page.
    /// </summary>
    private static IEnumerable<BindingRow> ListBindingsOf(
        IReadOnlyList<BindingType> types, Reader reader, ServiceRecord service, string range, long id, int limit)
    {
        var rows = Numbers(types).SelectMany(type => reader.Connection.Query<BindingRow>(
            $"{BindingRow.Select} WHERE b.service_id = @ServiceId AND b.type = @Type AND {range} LIMIT @Limit",
            new { ServiceId = service.Id, Type = type, Id = id, Limit = limit }));
        return (range == Before ? rows.OrderByDescending(row => row.Id) : rows.OrderBy(row => row.Id)).Take(limit);
    }

    private static IEnumerable<long> Numbers(IReadOnlyList<BindingType> types) => types.Select(type => (long)type);
}
