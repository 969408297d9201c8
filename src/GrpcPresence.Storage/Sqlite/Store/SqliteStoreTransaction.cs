using Dapper;
using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Domain.Users;
using GrpcPresence.Core.Storage;
using GrpcPresence.Storage.Sqlite.Files;
using GrpcPresence.Storage.Sqlite.Native;
using Microsoft.Data.Sqlite;

namespace GrpcPresence.Storage.Sqlite.Store;

/// <summary>The write transaction on SQLite. BEGIN IMMEDIATE locks the whole database against other writers.</summary>
internal sealed partial class SqliteStoreTransaction(WriteConnection writer, SqliteTimelines timelines, CommitWitness witness, long id)
    : IStoreTransaction
{
    private readonly List<long> _cut = [];
    private bool _isOver; // committed, or lost: after some errors SQLite has rolled back, and a further statement would commit by itself

    /// <inheritdoc/>
    public long Id => id;

    /// <summary>Whether the next transaction may begin.</summary>
    public bool IsDisposed { get; private set; }

    private SqliteConnection Connection => writer.Connection;

    /// <inheritdoc/>
    public ServiceRecord? FindService(ServiceSid service) => Run(() => writer.Statements.FindService(service));

    /// <inheritdoc/>
    public ServiceRecord InsertService(ServiceRecord service) => Run(() =>
    {
        var serviceId = Connection.ExecuteScalar<long>(
            """
            INSERT INTO services (
                sid, friendly_name, create_time, update_time, revision, purged_revision, reachability_enabled, heartbeat_interval,
                session_timeout, offline_debounce, auto_create_users, default_service_role_sid, default_conversation_role_sid,
                default_conversation_creator_role_sid, configuration_revision, switched_on_revision, switch_revision,
                configuration_update_time)
            VALUES (@Sid, @FriendlyName, @CreateTime, 0, 0, @PurgedRevision, 0, 0, 0, 0, 0, '', '', '', 0, 0, 0, 0)
            RETURNING id
            """,
            new
            {
                Sid = SidBytes.Of(service.Sid.Value),
                service.FriendlyName,
                CreateTime = service.CreateTime.UtcTicks,
                service.PurgedRevision,
            });
        service = service with { Id = serviceId };
        writer.Statements.UpdateService(service);
        return service;
    });

    /// <inheritdoc/>
    public void UpdateService(ServiceRecord service) => Run(() =>
    {
        if (!timelines.HasCut(service.Id) && !_cut.Contains(service.Id))
            Cut(service);
        writer.Statements.UpdateService(service);
    });

    /// <inheritdoc/>
    public void DeleteService(long serviceId) =>
        Run(() => Connection.Execute("UPDATE services SET is_deleted = 1 WHERE id = @Id", new { Id = serviceId }));

    /// <inheritdoc/>
    public UserRecord? FindUser(long serviceId, UserKey key) => Run(() => writer.Statements.FindUser(serviceId, key));

    /// <inheritdoc/>
    public UserRecord InsertUser(long serviceId, UserRecord user) =>
        Run(() => user with { Id = writer.Statements.InsertUser(serviceId, user) });

    /// <inheritdoc/>
    public void UpdateUser(UserRecord user) => Run(() => writer.Statements.UpdateUser(user));

    /// <inheritdoc/>
    public void UpdatePresence(UserRecord user) => Run(() => writer.Statements.UpdatePresence(user));

    /// <inheritdoc/>
    public void MarkAlive(long serviceId, UserSid user, TimeSpan uptime) =>
        Run(() => writer.Statements.MarkAlive(serviceId, user, uptime));

    /// <inheritdoc/>
    public void AddEndedSession(long serviceId, Identity identity, SessionId session, TimeSpan until) =>
        Run(() => writer.Statements.AddEndedSession(serviceId, identity, session, until));

    /// <inheritdoc/>
    public void RemoveEndedSession(long serviceId, Identity identity, SessionId session) => Run(() => Connection.Execute(
        "DELETE FROM ended_sessions WHERE service_id = @ServiceId AND identity = @Identity AND session_id = @Session",
        new { ServiceId = serviceId, Identity = identity.ToString(), Session = session.ToString() }));

    /// <inheritdoc/>
    public void StoreUptime(ServerUptime uptime) => Run(() => writer.Statements.StoreUptime(uptime));

    /// <inheritdoc/>
    public void DeleteUser(long serviceId, UserRecord user, Tombstone tombstone) => Run(() => Connection.Execute(
        """
        DELETE FROM push_bindings WHERE user_id = @UserId;
        DELETE FROM users WHERE id = @UserId;
        INSERT INTO tombstones (service_id, revision, sid, identity, delete_time)
        VALUES (@ServiceId, @Revision, @Sid, @Identity, @DeleteTime);
        """,
        new
        {
            UserId = user.Id,
            ServiceId = serviceId,
            tombstone.Revision,
            Sid = SidBytes.Of(tombstone.Sid.Value),
            Identity = tombstone.Identity.ToString(),
            DeleteTime = tombstone.DeleteTime.UtcTicks,
        }));

    /// <inheritdoc/>
    public void Commit() => Run(() =>
    {
        writer.Commit(id);
        witness.Note(id);
        _isOver = true;
        timelines.Committed(_cut);
    });

    /// <inheritdoc/>
    public void Dispose()
    {
        if (IsDisposed)
            return;
        IsDisposed = true;
        _isOver = true;
        writer.RollBack();
    }

    /// <summary>Stores the revision that the service instance had before its first change in this timeline.</summary>
    private void Cut(ServiceRecord service)
    {
        var before = Connection.ExecuteScalar<long?>("SELECT revision FROM services WHERE id = @Id", new { service.Id });
        if (before is null || service.Revision <= before)
            return;
        // The row exists already if a commit reported failure but happened.
        Connection.Execute(
            "INSERT INTO timeline_cuts (service_id, timeline_seq, revision) VALUES (@Id, @Seq, @Revision) ON CONFLICT DO NOTHING",
            new { service.Id, timelines.Seq, Revision = before });
        _cut.Add(service.Id);
    }

    private void Run(Action action) => Run(() =>
    {
        action();
        return true;
    });

    private TResult Run<TResult>(Func<TResult> action)
    {
        if (_isOver)
            throw new StorageException("The transaction is over.");
        try
        {
            return action();
        }
        catch (SqliteException exception) when (SqliteFaults.IsStorageFault(exception))
        {
            _isOver = true;
            throw SqliteFaults.Translate(exception);
        }
        catch (StorageException)
        {
            _isOver = true;
            throw;
        }
    }
}
