using Dapper;
using GrpcPresence.Core.Domain.ApiKeys;
using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Domain.Users;
using GrpcPresence.Core.Storage.Batches;
using GrpcPresence.Storage.Formats;
using GrpcPresence.Storage.Sqlite.Native;

namespace GrpcPresence.Storage.Sqlite.Store;

/// <summary>Reads what a batch needs, within one transaction of the writing connection.</summary>
internal static class BatchReader
{
    /// <summary>Reads everything.</summary>
    public static void Read(WriteConnection writer, BatchKeys keys, BatchRead read)
    {
        foreach (var service in keys.Services)
            Read(writer, service, read.AddService());
        if (keys.NeedsDirectory)
            ReadDirectory(writer, keys, read);
    }

    private static void Read(WriteConnection writer, ServiceKeys keys, ServiceRead read)
    {
        var statements = writer.Statements;
        if (statements.FindService(keys.Sid) is not { } service)
            return;
        read.Service = service;
        var id = service.Record.Id;
        foreach (var user in keys.Users)
            read.Users.Add(statements.FindUser(id, user));
        // By index: the enumerator of an interface is an object.
        for (var i = 0; i < keys.Presences.Count; i++)
            read.Presences.Add(statements.FindPresence(id, keys.Presences[i]));
        foreach (var binding in keys.Bindings)
            read.Bindings.Add(Find(writer, id, "b.sid = @Sid", new { ServiceId = id, Sid = SidBytes.Of(binding.Value) }));
        foreach (var (type, endpoint) in keys.Addresses)
        {
            read.BindingsByAddress.Add(Find(
                writer, id, "b.type = @Type AND b.endpoint = @Endpoint", new { ServiceId = id, Type = (long)type, Endpoint = endpoint }));
        }
        if (keys.NeedsWebhook)
        {
            read.Webhook = writer.Connection.QueryFirstOrDefault<WebhookRow>(
                WebhookRow.Select + " WHERE w.service_id = @Id", new { Id = id })?.ToWebhook();
        }
        if (keys.NeedsNotifications)
        {
            read.Notifications = NotificationJson.Read(writer.Connection.ExecuteScalar<string?>(
                "SELECT settings FROM notifications WHERE service_id = @Id", new { Id = id }));
        }
    }

    private static OwnedBinding? Find(WriteConnection writer, long serviceId, string condition, object parameters)
    {
        var row = writer.Connection.QueryFirstOrDefault<BindingRow>(
            $"{BindingRow.Select} WHERE b.service_id = @ServiceId AND {condition}", parameters);
        if (row is null)
            return null;
        var binding = row.ToBinding();
        return new OwnedBinding(binding, writer.Statements.FindUser(serviceId, new UserLookup(new UserKey(binding.UserSid)))!);
    }

    private static void ReadDirectory(WriteConnection writer, BatchKeys keys, BatchRead read)
    {
        var connection = writer.Connection;
        foreach (var sid in keys.ApiKeys)
            read.ApiKeys.Add(FindKeys(writer, "sid = @Sid", new { Sid = SidBytes.Of(sid.Value) }).FirstOrDefault());
        foreach (var name in keys.CertificateNames)
        {
            const string InForce = "certificate_name = @Name AND certificate_name <> '' AND revoke_time IS NULL";
            read.ApiKeysByName.Add(FindKeys(writer, InForce, new { Name = name }).FirstOrDefault());
        }
        foreach (var scope in keys.ApiKeyScopes)
            read.ApiKeysByScope.Add(FindKeys(writer, "scope IS @Scope ORDER BY id", new { Scope = BytesOf(scope) }));
        read.Directory = new StoredDirectory(
            writer.ReadDirectoryVersion(), LastKey("services") + 1, LastKey("api_keys") + 1, writer.Timeline);

        // Of rows that were removed as well, because a key is never used again.
        long LastKey(string table) =>
            connection.ExecuteScalar<long?>("SELECT seq FROM sqlite_sequence WHERE name = @Name", new { Name = table }) ?? 0;
    }

    private static List<ApiKey> FindKeys(WriteConnection writer, string condition, object parameters) =>
        [.. writer.Connection.Query<ApiKeyRow>($"{ApiKeyRow.Select} WHERE {condition}", parameters).Select(row => row.ToApiKey())];

    private static byte[]? BytesOf(ServiceSid? scope) => scope is { } sid ? SidBytes.Of(sid.Value) : null;
}
