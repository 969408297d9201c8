using Dapper;
using GrpcPresence.Core.Configuration;
using GrpcPresence.Core.Errors;
using GrpcPresence.Core.Users;

namespace GrpcPresence.Storage.Sqlite;

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
        ServiceSid service, UserKey? user, long afterId, int limit, CancellationToken cancellationToken) =>
        ReadAsync<IReadOnlyList<PushBinding>>(
            reader =>
            {
                var record = reader.Service(service);
                if (user is not { } key)
                {
                    return ToBindings(reader.Connection.Query<BindingRow>(
                        BindingRow.Select + " WHERE b.service_id = @ServiceId AND b.id > @AfterId ORDER BY b.id LIMIT @Limit",
                        new { ServiceId = record.Id, AfterId = afterId, Limit = limit }));
                }
                var userId = FindUser(reader, record, key)?.Id ?? throw Refusals.UserNotFound(key);
                return ToBindings(reader.Connection.Query<BindingRow>(
                    BindingRow.Select + " WHERE b.user_id = @UserId AND b.id > @AfterId ORDER BY b.id LIMIT @Limit",
                    new { UserId = userId, AfterId = afterId, Limit = limit }));
            },
            cancellationToken);

    private static List<PushBinding> ToBindings(IEnumerable<BindingRow> rows) => rows.Select(row => row.ToBinding()).ToList();
}
