using System.Collections.Immutable;
using Dapper;
using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Domain.Users;
using GrpcPresence.Core.Storage.Batches;
using GrpcPresence.Storage.Formats;
using GrpcPresence.Storage.Sqlite.Native;

namespace GrpcPresence.Storage.Sqlite.Store;

/// <summary>Writes a batch, within one transaction of the writing connection.</summary>
internal sealed class BatchWriter(WriteConnection writer, SqliteTimelines timelines)
{
    private readonly List<long> _cut = [];

    /// <summary>The service instances that left an earlier timeline with this batch.</summary>
    public List<long> Cut => _cut;

    /// <summary>Writes everything that is not stale.</summary>
    public CommitResult Write(BatchWrites writes)
    {
        var result = Check(writes);
        if (result.IsDirectoryStale)
            return result;

        // A service instance that is deleted frees its SID for one that is created.
        foreach (var service in writes.Services.Where(service => service is { IsDeleted: true, IsNew: false }))
        {
            if (!result.IsStale(service.Service.Record.Sid))
                Delete(service.Service.Record.Id);
        }
        for (var i = 0; i < writes.Services.Count; i++)
        {
            if (!result.IsStale(writes.Services[i].Service.Record.Sid))
                Write(writes.Services[i], result.Services[i].Base.Revision);
        }
        foreach (var mark in writes.AliveMarks)
            writer.Statements.MarkAlive(mark);
        WriteApiKeys(writes);
        if (writes.ChangesDirectory)
            writer.Connection.Execute("UPDATE last_commit SET directory_version = directory_version + 1");
        if (writes.Uptime is { } uptime)
            writer.Statements.StoreUptime(uptime);
        return result;
    }

    private CommitResult Check(BatchWrites writes)
    {
        var isDirectoryStale = writes.DirectoryVersion is { } version && version != writer.ReadDirectoryVersion();
        var results = ImmutableArray.CreateBuilder<ServiceResult>(writes.Services.Count);
        foreach (var service in writes.Services)
        {
            var result = Check(service, writes);
            isDirectoryStale |= result.IsStale && service.ChangesDirectory;
            results.Add(result);
        }
        return isDirectoryStale
            ? new CommitResult(isDirectoryStale, [.. results.Select(result => result with { IsStale = true })])
            : new CommitResult(isDirectoryStale, results.MoveToImmutable());
    }

    private ServiceResult Check(ServiceWrites writes, BatchWrites batch)
    {
        var record = writes.Service.Record;
        if (!writes.IsNew)
        {
            var found = writer.Statements.FindVersion(record.Id);
            // Every commit to the service instance raises the version here, so the counters are those that were read.
            var isStale = found is not { } present || present != writes.Read.Version;
            return new ServiceResult(record.Sid, isStale, writes.Read.Counters);
        }
        var isTaken = writer.Statements.FindService(record.Sid) is { } holder
            && !batch.Services.Any(other => other.IsDeleted && other.Service.Record.Id == holder.Record.Id);
        return new ServiceResult(record.Sid, isTaken, writes.Read.Counters);
    }

    private void Write(ServiceWrites writes, long baseRevision)
    {
        var service = writes.Service;
        if (writes.IsNew)
            Insert(service.Record);
        if (writes.IsDeleted)
        {
            if (writes.IsNew)
                Delete(service.Record.Id);
            return;
        }
        CutIfNeeded(service.Record, baseRevision);
        writer.Statements.UpdateService(service);
        WriteUsers(writes);
        WriteSettings(writes);
    }

    private void WriteUsers(ServiceWrites writes)
    {
        var (statements, serviceId) = (writer.Statements, writes.Service.Record.Id);
        if (writes.DeletedBindings.Count > 0)
            writer.Connection.Execute("DELETE FROM push_bindings WHERE id = @Id", writes.DeletedBindings.Select(id => new { Id = id }));
        foreach (var id in writes.DeletedUsers)
            writer.Connection.Execute("DELETE FROM push_bindings WHERE user_id = @Id; DELETE FROM users WHERE id = @Id", new { Id = id });
        foreach (var tombstone in writes.Tombstones)
            Insert(serviceId, tombstone);
        foreach (var user in writes.ChangedUsers)
            statements.UpdateUser(user);
        foreach (var presence in writes.Presences)
            statements.UpdatePresence(presence);
        foreach (var user in writes.NewUsers)
            statements.InsertUser(serviceId, user);
        foreach (var binding in writes.NewBindings)
            Insert(serviceId, binding);
        foreach (var ended in writes.EndedSessions)
        {
            if (ended.IsForgotten)
                statements.RemoveEndedSession(serviceId, ended.Identity, ended.Session);
            if (ended.Until is { } until)
                statements.AddEndedSession(serviceId, ended.Identity, ended.Session, until);
        }
    }

    private void Insert(ServiceRecord service) => writer.Connection.Execute(
        """
        INSERT INTO services (
            id, sid, friendly_name, create_time, update_time, revision, purged_revision, reachability_enabled, heartbeat_interval,
            session_timeout, offline_debounce, auto_create_users, default_service_role_sid, default_conversation_role_sid,
            default_conversation_creator_role_sid, configuration_revision, switched_on_revision, switch_revision,
            configuration_update_time)
        VALUES (@Id, @Sid, @FriendlyName, @CreateTime, 0, 0, @PurgedRevision, 0, 0, 0, 0, 0, '', '', '', 0, 0, 0, 0)
        """,
        new
        {
            service.Id,
            Sid = SidBytes.Of(service.Sid.Value),
            service.FriendlyName,
            CreateTime = service.CreateTime.UtcTicks,
            service.PurgedRevision,
        });

    private void Delete(long serviceId) =>
        writer.Connection.Execute("UPDATE services SET is_deleted = 1, version = version + 1 WHERE id = @Id", new { Id = serviceId });

    private void Insert(long serviceId, Tombstone tombstone) => writer.Connection.Execute(
        """
        INSERT INTO tombstones (service_id, revision, sid, identity, delete_time)
        VALUES (@ServiceId, @Revision, @Sid, @Identity, @DeleteTime)
        """,
        new
        {
            ServiceId = serviceId,
            tombstone.Revision,
            Sid = SidBytes.Of(tombstone.Sid.Value),
            Identity = tombstone.Identity.ToString(),
            DeleteTime = tombstone.DeleteTime.UtcTicks,
        });

    private void Insert(long serviceId, BindingWrite write) => writer.Connection.Execute(
        """
        INSERT INTO push_bindings (id, service_id, user_id, sid, type, endpoint, create_time)
        VALUES (@Id, @ServiceId, @UserId, @Sid, @Type, @Endpoint, @CreateTime)
        """,
        new
        {
            write.Binding.Id,
            ServiceId = serviceId,
            write.UserId,
            Sid = SidBytes.Of(write.Binding.Sid.Value),
            Type = (long)write.Binding.Type,
            write.Binding.Endpoint,
            CreateTime = write.Binding.CreateTime.UtcTicks,
        });

    private void WriteSettings(ServiceWrites writes)
    {
        if (writes.Webhook is { } webhook)
            WebhookRow.Write(writer.Connection, webhook);
        if (writes.Notifications is not { } notifications)
            return;
        writer.Connection.Execute(
            "INSERT OR REPLACE INTO notifications (service_id, settings) VALUES (@ServiceId, @Settings)",
            new { ServiceId = writes.Service.Record.Id, Settings = NotificationJson.Write(notifications) });
    }

    private void WriteApiKeys(BatchWrites writes)
    {
        foreach (var id in writes.DeletedApiKeys)
            writer.Connection.Execute("DELETE FROM api_keys WHERE id = @Id", new { Id = id });
        foreach (var key in writes.ChangedApiKeys)
            ApiKeyRow.Update(writer.Connection, key);
        foreach (var key in writes.NewApiKeys)
            ApiKeyRow.Insert(writer.Connection, key);
    }

    /// <summary>Stores the revision that the service instance had before its first change in this timeline.</summary>
    private void CutIfNeeded(ServiceRecord service, long before)
    {
        if (service.Revision <= before || timelines.HasCut(service.Id))
            return;
        // The row exists already if a commit reported failure but happened.
        writer.Connection.Execute(
            "INSERT INTO timeline_cuts (service_id, timeline_seq, revision) VALUES (@Id, @Seq, @Revision) ON CONFLICT DO NOTHING",
            new { service.Id, timelines.Seq, Revision = before });
        _cut.Add(service.Id);
    }
}
