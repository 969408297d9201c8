using GrpcPresence.Core.Domain.ApiKeys;
using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Storage.Batches;
using GrpcPresence.Storage.Formats;
using GrpcPresence.Storage.Postgres.Native;

namespace GrpcPresence.Storage.Postgres.Store;

/// <summary>
/// Reads what a batch needs in one round trip: a read-only transaction with one statement for each kind of key, over all service instances.
/// Each row says to which service instance and which key of it it belongs. Used only by the writer's thread.
/// </summary>
internal static class BatchReader
{
    private const string Services = $"""
        SELECT k.number, {Columns.OfService}, s.version, s.next_user_id, s.next_binding_id
        FROM unnest($1) WITH ORDINALITY AS k (sid, number)
        JOIN services AS s ON s.sid = k.sid AND NOT s.is_deleted
        """;

    // The caller checks the service instance of a user that is found by its key.
    private const string UsersById = """
        FROM unnest($1, $2, $3) AS k (service, position, id)
        JOIN presence AS p ON p.user_id = k.id
        CROSS JOIN LATERAL (SELECT * FROM users AS f WHERE f.service_id = p.service_id AND f.id = p.user_id LIMIT 1) AS u
        """;

    // Each key is looked for by a subquery with a limit, which the planner cannot join in another way: for a small table without statistics
    // it would take all users of the service instance and compare each of them with each key.
    private const string UsersBySid = """
        FROM unnest($1, $2, $3, $4) AS k (service, position, service_sid, sid)
        JOIN services AS s ON s.sid = k.service_sid AND NOT s.is_deleted
        CROSS JOIN LATERAL (SELECT * FROM users AS f WHERE f.service_id - 0 = s.id AND f.sid = k.sid LIMIT 1) AS u
        JOIN presence AS p ON p.user_id = u.id
        """;

    private const string UsersByIdentity = """
        FROM unnest($1, $2, $3, $4) AS k (service, position, service_sid, identity)
        JOIN services AS s ON s.sid = k.service_sid AND NOT s.is_deleted
        CROSS JOIN LATERAL (SELECT * FROM users AS f WHERE f.service_id + 0 = s.id AND f.identity = k.identity LIMIT 1) AS u
        JOIN presence AS p ON p.user_id = u.id
        """;

    private const string SelectUsers = $"SELECT k.service, k.position, p.service_id, p.version, {Columns.OfUser} ";
    private const string SelectPresences = $"SELECT k.service, k.position, p.service_id, p.version, {Columns.OfPresence} ";

    private const string SelectBindings = $"SELECT k.service, k.position, p.version, {Columns.OfUser}, {Columns.OfBinding} ";

    private const string BindingsBySid = SelectBindings + """
        FROM unnest($1, $2, $3, $4) AS k (service, position, service_sid, sid)
        JOIN services AS s ON s.sid = k.service_sid AND NOT s.is_deleted
        CROSS JOIN LATERAL (SELECT * FROM push_bindings AS f WHERE f.service_id - 0 = s.id AND f.sid = k.sid LIMIT 1) AS b
        CROSS JOIN LATERAL (SELECT * FROM users AS f WHERE f.service_id = s.id AND f.id = b.user_id LIMIT 1) AS u
        JOIN presence AS p ON p.user_id = u.id
        """;

    private const string BindingsByAddress = SelectBindings + """
        FROM unnest($1, $2, $3, $4, $5) AS k (service, position, service_sid, type, endpoint)
        JOIN services AS s ON s.sid = k.service_sid AND NOT s.is_deleted
        CROSS JOIN LATERAL (
            SELECT * FROM push_bindings AS f
            WHERE f.service_id + 0 = s.id AND f.type = k.type AND f.endpoint = k.endpoint LIMIT 1) AS b
        CROSS JOIN LATERAL (SELECT * FROM users AS f WHERE f.service_id = s.id AND f.id = b.user_id LIMIT 1) AS u
        JOIN presence AS p ON p.user_id = u.id
        """;

    private const string Webhooks = $"""
        SELECT k.service, {WebhookRow.Columns}
        FROM unnest($1, $2) AS k (service, sid)
        JOIN services AS s ON s.sid = k.sid AND NOT s.is_deleted
        JOIN webhooks AS w ON w.service_id = s.id
        """;

    private const string Notifications = """
        SELECT k.service, n.settings
        FROM unnest($1, $2) AS k (service, sid)
        JOIN services AS s ON s.sid = k.sid AND NOT s.is_deleted
        JOIN notifications AS n ON n.service_id = s.id
        """;

    private const string Directory = $"SELECT version, next_service_id, next_api_key_id, {Columns.Timeline} FROM directory";

    private const string ApiKeysBySid = $"""
        SELECT n.number, {ApiKeyRow.Columns} FROM unnest($1) WITH ORDINALITY AS n (sid, number) JOIN api_keys AS k ON k.sid = n.sid
        """;

    private const string ApiKeysByName = $"""
        SELECT n.number, {ApiKeyRow.Columns} FROM unnest($1) WITH ORDINALITY AS n (name, number)
        JOIN api_keys AS k ON k.certificate_name = n.name AND k.certificate_name <> '' AND k.revoke_time IS NULL
        """;

    private const string ApiKeysByScope = $"""
        SELECT n.number, {ApiKeyRow.Columns} FROM unnest($1) WITH ORDINALITY AS n (scope, number)
        JOIN api_keys AS k ON k.scope = n.scope OR (k.scope IS NULL AND n.scope IS NULL)
        ORDER BY k.id
        """;

    /// <summary>Adds the statements that read everything.</summary>
    public static void Prepare(Snapshot snapshot, BatchKeys keys, BatchRead read)
    {
        foreach (var service in keys.Services)
            Prepare(service, read.AddService());
        AddServices(snapshot, keys, read);
        if (keys.NeedsDirectory)
            AddDirectory(snapshot, keys, read);
    }

    /// <summary>Removes the answers about service instances that do not exist, after the statements have run.</summary>
    public static void Complete(BatchRead read)
    {
        foreach (var service in read.Services)
            Complete(service);
    }

    /// <summary>Makes room for the answers, which arrive in any order.</summary>
    private static void Prepare(ServiceKeys keys, ServiceRead read)
    {
        for (var i = 0; i < keys.Users.Count; i++)
            read.Users.Add(null);
        for (var i = 0; i < keys.Presences.Count; i++)
            read.Presences.Add(default);
        for (var i = 0; i < keys.Bindings.Count; i++)
            read.Bindings.Add(null);
        for (var i = 0; i < keys.Addresses.Count; i++)
            read.BindingsByAddress.Add(null);
        // Until it is read. Removed again if the service instance does not exist.
        read.Notifications = keys.NeedsNotifications ? new NotificationSettings() : null;
    }

    private static void Complete(ServiceRead read)
    {
        if (read.Service is not null)
            return;
        read.Users.Clear();
        read.Presences.Clear();
        read.Bindings.Clear();
        read.BindingsByAddress.Clear();
        read.Notifications = null;
    }

    private static void AddServices(Snapshot snapshot, BatchKeys keys, BatchRead read)
    {
        var sids = keys.Services.Select(service => SidGuid.Of(service.Sid.Value)).ToArray();
        if (sids.Length == 0)
            return;
        snapshot.Add(Services, row => read.Services[(int)row.Int64(0) - 1].Service = new StoredService(
            Columns.ReadService(row, 1),
            row.Int64(Columns.CountOfService + 1),
            row.Int64(Columns.CountOfService + 2),
            row.Int64(Columns.CountOfService + 3)))
            .With(sids);

        AddLookups(snapshot, SelectUsers, keys, sids, service => service.Users, (service, position, row) =>
            read.Services[service].Users[position] = Columns.ReadUser(row, 4), read);
        AddLookups(snapshot, SelectPresences, keys, sids, service => service.Presences, (service, position, row) =>
            read.Services[service].Presences[position] = Columns.ReadPresence(row, 4), read);
        AddBindings(snapshot, keys, sids, read);
        AddSettings(snapshot, keys, sids, read);
    }

    private static void AddLookups(
        Snapshot snapshot,
        string select,
        BatchKeys keys,
        Guid[] sids,
        Func<ServiceKeys, IReadOnlyList<UserLookup>> lookupsOf,
        Action<int, int, Row> found,
        BatchRead read)
    {
        var (byId, bySid, byIdentity) = (new KeyList<long>(), new KeyList<Guid>(), new KeyList<byte[]>());
        for (var service = 0; service < keys.Services.Count; service++)
        {
            var lookups = lookupsOf(keys.Services[service]);
            for (var position = 0; position < lookups.Count; position++)
            {
                var lookup = lookups[position];
                if (lookup.Id != 0)
                    byId.Add(service, position, lookup.Id);
                else if (lookup.Key.IsSid)
                    bySid.Add(service, position, SidGuid.Of(lookup.Key.Sid.Value));
                else
                    byIdentity.Add(service, position, Utf8.Of(lookup.Key.Identity.ToString()));
            }
        }
        if (byId.Count > 0)
            snapshot.Add(select + UsersById, Accept).With(byId.Services, byId.Positions, byId.Values);
        if (bySid.Count > 0)
            snapshot.Add(select + UsersBySid, Accept).With(bySid.Services, bySid.Positions, bySid.SidsOf(sids), bySid.Values);
        if (byIdentity.Count > 0)
        {
            snapshot.Add(select + UsersByIdentity, Accept)
                .With(byIdentity.Services, byIdentity.Positions, byIdentity.SidsOf(sids), byIdentity.Values);
        }

        void Accept(Row row)
        {
            var service = row.Int32(0);
            if (read.Services[service].Service?.Record.Id != row.Int64(2))
                return;
            read.Services[service].UserVersions[row.Int64(4)] = row.Int64(3);
            found(service, row.Int32(1), row);
        }
    }

    private static void AddBindings(Snapshot snapshot, BatchKeys keys, Guid[] sids, BatchRead read)
    {
        var (bySid, byAddress, types) = (new KeyList<Guid>(), new KeyList<byte[]>(), new List<int>());
        for (var service = 0; service < keys.Services.Count; service++)
        {
            for (var position = 0; position < keys.Services[service].Bindings.Count; position++)
                bySid.Add(service, position, SidGuid.Of(keys.Services[service].Bindings[position].Value));
            for (var position = 0; position < keys.Services[service].Addresses.Count; position++)
            {
                var (type, endpoint) = keys.Services[service].Addresses[position];
                byAddress.Add(service, position, Utf8.Of(endpoint));
                types.Add((int)type);
            }
        }
        if (bySid.Count > 0)
        {
            snapshot.Add(BindingsBySid, row => read.Services[row.Int32(0)].Bindings[row.Int32(1)] = Owned(row))
                .With(bySid.Services, bySid.Positions, bySid.SidsOf(sids), bySid.Values);
        }
        if (byAddress.Count > 0)
        {
            snapshot.Add(BindingsByAddress, row => read.Services[row.Int32(0)].BindingsByAddress[row.Int32(1)] = Owned(row))
                .With(byAddress.Services, byAddress.Positions, byAddress.SidsOf(sids), types, byAddress.Values);
        }

        OwnedBinding Owned(Row row)
        {
            var owner = Columns.ReadUser(row, 3);
            read.Services[row.Int32(0)].UserVersions[owner.Id] = row.Int64(2);
            return new OwnedBinding(Columns.ReadBinding(row, 3 + Columns.CountOfUser), owner);
        }
    }

    private static void AddSettings(Snapshot snapshot, BatchKeys keys, Guid[] sids, BatchRead read)
    {
        int[] webhooks = [.. Enumerable.Range(0, sids.Length).Where(service => keys.Services[service].NeedsWebhook)];
        int[] notifications = [.. Enumerable.Range(0, sids.Length).Where(service => keys.Services[service].NeedsNotifications)];
        if (webhooks.Length > 0)
        {
            snapshot.Add(Webhooks, row => read.Services[row.Int32(0)].Webhook = WebhookRow.Read(row, 1))
                .With(webhooks, webhooks.Select(service => sids[service]).ToArray());
        }
        if (notifications.Length > 0)
        {
            snapshot.Add(Notifications, row => read.Services[row.Int32(0)].Notifications = NotificationJson.Read(row.Ascii(1)))
                .With(notifications, notifications.Select(service => sids[service]).ToArray());
        }
    }

    private static void AddDirectory(Snapshot snapshot, BatchKeys keys, BatchRead read)
    {
        snapshot.Add(Directory, row =>
            read.Directory = new StoredDirectory(row.Int64(0), row.Int64(1), row.Int64(2), row.Guid(3)));
        foreach (var _ in keys.ApiKeys)
            read.ApiKeys.Add(null);
        foreach (var _ in keys.CertificateNames)
            read.ApiKeysByName.Add(null);
        List<List<ApiKey>> scopes = [.. keys.ApiKeyScopes.Select(_ => new List<ApiKey>())];
        foreach (var scope in scopes)
            read.ApiKeysByScope.Add(scope);

        if (keys.ApiKeys.Count > 0)
        {
            snapshot.Add(ApiKeysBySid, row => read.ApiKeys[(int)row.Int64(0) - 1] = ApiKeyRow.Read(row, 1))
                .With(keys.ApiKeys.Select(sid => SidGuid.Of(sid.Value)).ToArray());
        }
        if (keys.CertificateNames.Count > 0)
        {
            snapshot.Add(ApiKeysByName, row => read.ApiKeysByName[(int)row.Int64(0) - 1] = ApiKeyRow.Read(row, 1))
                .With(keys.CertificateNames.Select(Utf8.Of).ToArray());
        }
        if (scopes.Count > 0)
        {
            snapshot.Add(ApiKeysByScope, row => scopes[(int)row.Int64(0) - 1].Add(ApiKeyRow.Read(row, 1)))
                .With(keys.ApiKeyScopes.Select(scope => scope is { } sid ? SidGuid.Of(sid.Value) : (Guid?)null).ToArray());
        }
    }

    /// <summary>Keys with the service instance and the position that they belong to.</summary>
    private sealed class KeyList<T>
    {
        public List<int> Services { get; } = [];

        public List<int> Positions { get; } = [];

        public List<T> Values { get; } = [];

        public int Count => Values.Count;

        public void Add(int service, int position, T value)
        {
            Services.Add(service);
            Positions.Add(position);
            Values.Add(value);
        }

        public List<Guid> SidsOf(Guid[] sids) => Services.ConvertAll(service => sids[service]);
    }
}
