using System.Collections.Immutable;
using System.Text.Json.Nodes;
using GrpcPresence.Core.Domain.Cluster;
using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Domain.Users;
using GrpcPresence.Core.Storage.Batches;
using GrpcPresence.Storage.Formats;
using GrpcPresence.Storage.Postgres.Native;
using Npgsql;

namespace GrpcPresence.Storage.Postgres.Store;

/// <summary>Writes a batch with one call of <c>commit_changes</c>. Used only by the writer's thread.</summary>
internal sealed class BatchWriter : IDisposable
{
    private readonly CommitColumns _columns = new();

    /// <summary>Writes everything that is not stale.</summary>
    public async Task<CommitResult> WriteAsync(NpgsqlConnection connection, NodePosition node, BatchWrites writes)
    {
        Fill(node, writes);
        ServiceSid[] sids = [.. writes.Services.Select(service => service.Service.Record.Sid)];
        await using var reader = await _columns.On(connection).ExecuteReaderAsync().ConfigureAwait(false);
        await reader.ReadAsync().ConfigureAwait(false);
        return ReadResult(reader, sids);
    }

    /// <summary>Reads the columns of a result.</summary>
    public static CommitResult ReadResult(NpgsqlDataReader reader, IReadOnlyList<ServiceSid> sids, int at = 0)
    {
        var stale = reader.GetFieldValue<bool[]>(at + 1);
        var revisions = reader.GetFieldValue<long[]>(at + 2);
        var userCounts = reader.GetFieldValue<long[]>(at + 3);
        var userIds = reader.GetFieldValue<long[]>(at + 4);
        var bindingIds = reader.GetFieldValue<long[]>(at + 5);
        var services = ImmutableArray.CreateBuilder<ServiceResult>(sids.Count);
        for (var i = 0; i < sids.Count; i++)
        {
            var counters = new ServiceCounters(revisions[i], userCounts[i], userIds[i], bindingIds[i]);
            services.Add(new ServiceResult(sids[i], stale[i], counters));
        }
        return new CommitResult(reader.GetBoolean(at), services.MoveToImmutable())
        {
            LostShards = [.. reader.GetFieldValue<int[]>(at + 6).Select(number => new Shard(number))],
            SwitchEpoch = reader.IsDBNull(at + 7) ? null : reader.GetInt64(at + 7),
        };
    }

    /// <inheritdoc/>
    public void Dispose() => _columns.Dispose();

    private void Fill(NodePosition node, BatchWrites writes)
    {
        _columns.Clear();
        _columns.Position.Value = new[] { node.Id, node.Incarnation, writes.Generation, writes.Number };
        _columns.Server.Value = node.Server;
        _columns.DirectoryVersion.Value = writes.DirectoryVersion ?? (object)DBNull.Value;
        _columns.ChangesDirectory.Value = writes.ChangesDirectory;
        _columns.Uptime.Value = writes.Uptime is { } uptime
            ? new[] { uptime.AliveTime?.UtcTicks, uptime.Total.Ticks }
            : DBNull.Value;
        _columns.UsersPerService.Value = writes.UsersPerService;

        var webhooks = new JsonArray();
        for (var i = 0; i < writes.Services.Count; i++)
            Add(i + 1, writes.Services[i], webhooks); // arrays of PostgreSQL begin at 1
        _columns.Webhooks.Value = webhooks.Count > 0 ? webhooks.ToJsonString() : DBNull.Value;

        foreach (var (shard, epoch) in writes.Shards)
            AddShard(shard, epoch, receiver: null);
        foreach (var (shard, epoch, receiver) in writes.Switches)
            AddShard(shard, epoch, NodeText.Of(receiver));
        foreach (var mark in writes.AliveMarks)
        {
            _columns.AliveServiceId.Add(mark.ServiceId);
            _columns.AliveUserId.Add(mark.UserId);
            _columns.AliveUptime.Add(mark.Uptime.Ticks);
        }
        JsonArray keys =
        [
            .. writes.ChangedApiKeys.Select(key => ApiKeyRow.Write(key, isNew: false)),
            .. writes.NewApiKeys.Select(key => ApiKeyRow.Write(key, isNew: true)),
        ];
        _columns.ApiKeys.Value = keys.Count > 0 ? keys.ToJsonString() : DBNull.Value;
        _columns.DeletedApiKeyId.AddRange(writes.DeletedApiKeys);
    }

    private void AddShard(Shard shard, long epoch, string? receiver)
    {
        _columns.Shard.Add(shard.Number);
        _columns.ShardEpoch.Add(epoch);
        _columns.ShardReceiver.Add(receiver);
    }

    private void Add(int number, ServiceWrites writes, JsonArray webhooks)
    {
        var sid = writes.Service.Record.Sid;
        _columns.Services.Add(writes);
        foreach (var id in writes.DeletedBindings)
        {
            _columns.DeletedBindingService.Add(number);
            _columns.DeletedBindingId.Add(id);
        }
        foreach (var id in writes.DeletedUsers)
        {
            _columns.DeletedUserService.Add(number);
            _columns.DeletedUserId.Add(id);
            _columns.DeletedUserVersion.Add(writes.UserVersions[id]);
        }
        foreach (var tombstone in writes.Tombstones)
        {
            _columns.TombstoneService.Add(number);
            _columns.TombstoneRevision.Add(tombstone.Revision);
            _columns.TombstoneDeleteTime.Add(tombstone.DeleteTime.UtcTicks);
            _columns.TombstoneSid.Add(SidGuid.Of(tombstone.Sid.Value));
            _columns.TombstoneIdentity.Add(Utf8.Of(tombstone.Identity.ToString()));
        }
        foreach (var user in writes.ChangedUsers)
            AddUser(number, user, writes.UserVersions[user.Id], shard: null);
        foreach (var write in writes.Presences)
            _columns.Presences.Add(number, write.UserId, write.Presence, writes.UserVersions[write.UserId]);
        foreach (var user in writes.NewUsers)
            AddUser(number, user, version: null, Shard.Of(sid, user.Identity));
        foreach (var write in writes.NewBindings)
        {
            _columns.BindingService.Add(number);
            _columns.BindingId.Add(write.Binding.Id);
            _columns.BindingUserId.Add(write.UserId);
            _columns.BindingSid.Add(SidGuid.Of(write.Binding.Sid.Value));
            _columns.BindingCreateTime.Add(write.Binding.CreateTime.UtcTicks);
            _columns.BindingType.Add((int)write.Binding.Type);
            _columns.BindingEndpoint.Add(Utf8.Of(write.Binding.Endpoint));
        }
        foreach (var ended in writes.EndedSessions)
        {
            _columns.EndedService.Add(number);
            _columns.EndedIdentity.Add(Utf8.Of(ended.Identity.ToString()));
            _columns.EndedSessionId.Add(Utf8.Of(ended.Session.ToString()));
            _columns.EndedIsForgotten.Add(ended.IsForgotten);
            _columns.EndedUntil.Add(ended.Until?.Ticks);
            _columns.EndedShard.Add(Shard.Of(sid, ended.Identity).Number);
        }
        if (writes.Webhook is { } webhook)
            webhooks.Add((JsonNode)WebhookRow.Write(number, webhook, writes.ReadPosition));
        if (writes.Notifications is { } notifications)
        {
            _columns.NotificationService.Add(number);
            _columns.NotificationSettings.Add(NotificationJson.Write(notifications));
        }
    }

    private void AddUser(int number, UserRecord user, long? version, Shard? shard)
    {
        _columns.Users.Add(number, user, isNew: version is null);
        _columns.Presences.Add(number, user.Id, UserPresence.Of(user), version, shard);
    }
}
