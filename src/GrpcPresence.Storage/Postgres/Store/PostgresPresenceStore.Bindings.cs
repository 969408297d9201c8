using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Domain.Users;
using GrpcPresence.Storage.Postgres.Native;

namespace GrpcPresence.Storage.Postgres.Store;

/// <summary>Reads of push bindings.</summary>
public partial class PostgresPresenceStore
{
    private const string FindBinding = $"""
        SELECT {Columns.OfBinding} FROM push_bindings AS b JOIN users AS u ON u.service_id = b.service_id AND u.id = b.user_id
        WHERE b.service_id - 0 = {ServiceId} AND b.sid = $2
        """;

    private const string FindOwner = $"""
        SELECT 1 FROM users WHERE service_id - 0 = {ServiceId} AND sid = $2
        UNION ALL SELECT 1 FROM users WHERE service_id + 0 = {ServiceId} AND identity = $3
        """;

    // The users that are named by SID ($4) or identity ($5).
    private const string Owners = $"""
        SELECT id FROM users WHERE service_id - 0 = {ServiceId} AND sid = ANY ($4)
        UNION SELECT id FROM users WHERE service_id + 0 = {ServiceId} AND identity = ANY ($5)
        """;

    /// <inheritdoc/>
    public ValueTask<PushBinding?> FindBindingAsync(ServiceSid service, BindingSid binding, CancellationToken cancellationToken) =>
        ReadAsync<PushBinding?>(
            service,
            (snapshot, _) =>
            {
                PushBinding? found = null;
                snapshot.Add(FindBinding, row => found = Columns.ReadBinding(row))
                    .With(SidGuid.Of(service.Value), SidGuid.Of(binding.Value));
                return () => found;
            },
            cancellationToken);

    /// <inheritdoc/>
    public ValueTask<IReadOnlyList<PushBinding>> ListBindingsAsync(
        ServiceSid service, BindingFilter filter, long afterId, int limit, CancellationToken cancellationToken) =>
        ListBindingsAsync(service, filter, afterId, limit, "b.id > $2 ORDER BY b.id", cancellationToken);

    /// <inheritdoc/>
    public ValueTask<IReadOnlyList<PushBinding>> ListBindingsBeforeAsync(
        ServiceSid service, BindingFilter filter, long beforeId, int limit, CancellationToken cancellationToken) =>
        ListBindingsAsync(service, filter, beforeId, limit, "b.id < $2 ORDER BY b.id DESC", cancellationToken);

    private ValueTask<IReadOnlyList<PushBinding>> ListBindingsAsync(
        ServiceSid service, BindingFilter filter, long id, int limit, string range, CancellationToken cancellationToken) =>
        ReadAsync<IReadOnlyList<PushBinding>>(
            service,
            (snapshot, _) =>
            {
                var hasOwner = filter.User is null;
                if (filter.User is { } user)
                {
                    snapshot.Add(FindOwner, _ => hasOwner = true).With(
                        SidGuid.Of(service.Value),
                        user.IsSid ? SidGuid.Of(user.Sid.Value) : (Guid?)null,
                        user.IsSid ? null : Utf8.Of(user.Identity.ToString()));
                }
                var bindings = new List<PushBinding>();
                AddBindings(snapshot, service, filter, id, limit, range, row => bindings.Add(Columns.ReadBinding(row)));
                return () => hasOwner ? bindings : throw PresenceErrors.UserNotFound(filter.User!.Value);
            },
            cancellationToken);

    // With a filter: a page of each user or type by its index, and then the first bindings of these. One statement over all of them would
    // sort all bindings for one page.
    private static void AddBindings(
        Snapshot snapshot, ServiceSid service, BindingFilter filter, long id, int limit, string range, Action<Row> read)
    {
        var types = filter.Types.Select(type => (int)type).ToArray();
        if (filter.NamesUsers)
        {
            UserKey[] keys = filter.User is { } user ? [.. filter.Users, user] : [.. filter.Users];
            snapshot.Add(
                Select($"""
                    ({Owners}) AS o
                    CROSS JOIN LATERAL (
                        SELECT * FROM push_bindings AS b
                        WHERE b.user_id = o.id AND (cardinality($6) = 0 OR b.type = ANY ($6)) AND {range} LIMIT $3) AS b
                    """),
                read)
                .With(
                    SidGuid.Of(service.Value),
                    id,
                    limit,
                    keys.Where(key => key.IsSid).Select(key => SidGuid.Of(key.Sid.Value)).ToArray(),
                    keys.Where(key => !key.IsSid).Select(key => Utf8.Of(key.Identity.ToString())).ToArray())
                .With(types);
        }
        else if (types.Length > 0)
        {
            snapshot.Add(
                Select($"""
                    unnest($4) AS o (type)
                    CROSS JOIN LATERAL (
                        SELECT * FROM push_bindings AS b WHERE b.service_id = {ServiceId} AND b.type = o.type AND {range} LIMIT $3) AS b
                    """),
                read)
                .With(SidGuid.Of(service.Value), id, limit, types);
        }
        else
        {
            snapshot.Add(
                Select($"(SELECT * FROM push_bindings AS b WHERE b.service_id = {ServiceId} AND {range} LIMIT $3) AS b"), read)
                .With(SidGuid.Of(service.Value), id, limit);
        }

        string Select(string source) => $"""
            SELECT {Columns.OfBinding} FROM {source}
            JOIN users AS u ON u.service_id = b.service_id AND u.id = b.user_id
            WHERE {range} LIMIT $3
            """;
    }
}
