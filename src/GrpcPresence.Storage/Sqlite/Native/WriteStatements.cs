using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Domain.Users;
using GrpcPresence.Core.Storage;
using GrpcPresence.Storage.Sqlite.Store;
using Microsoft.Data.Sqlite;
using SQLitePCL;

namespace GrpcPresence.Storage.Sqlite.Native;

/// <summary>
/// The prepared statements for nearly every command: to find, add and update a user, and to read and write a service instance.
/// </summary>
internal sealed class WriteStatements(SqliteConnection connection) : IDisposable
{
    private readonly Statement _findService = new(
        connection,
        $"SELECT {Columns.OfService} FROM services AS s WHERE s.sid = $sid AND s.is_deleted = 0");

    private readonly Statement _findUserBySid = new(
        connection,
        $"SELECT {Columns.OfUser} FROM users AS u WHERE u.service_id = $service_id AND u.sid = $sid");

    private readonly Statement _findUserByIdentity = new(
        connection,
        $"SELECT {Columns.OfUser} FROM users AS u WHERE u.service_id = $service_id AND u.identity = $identity");

    // Values that never change after the creation of a service instance or user are not written again, because SQLite would rewrite their
    // indices.
    private readonly Statement _updateService = new(
        connection,
        """
        UPDATE services SET
            friendly_name = $friendly_name, update_time = $update_time, revision = $revision, user_count = $user_count,
            reachability_enabled = $reachability_enabled, heartbeat_interval = $heartbeat_interval, session_timeout = $session_timeout,
            offline_debounce = $offline_debounce, auto_create_users = $auto_create_users,
            default_service_role_sid = $service_role, default_conversation_role_sid = $conversation_role,
            default_conversation_creator_role_sid = $conversation_creator_role,
            configuration_revision = $configuration_revision, switched_on_revision = $switched_on_revision,
            switch_revision = $switch_revision, configuration_update_time = $configuration_update_time
        WHERE id = $id
        """);

    private readonly Statement _updateUser = new(
        connection,
        """
        UPDATE users SET
            is_online = $is_online, known_revision = $known_revision, revision = $revision, online_revision = $online_revision,
            notifiable_revision = $notifiable_revision, last_online_time = $last_online_time, binding_count = $binding_count,
            had_binding = $had_binding, friendly_name_revision = $friendly_name_revision, attributes_revision = $attributes_revision,
            role_revision = $role_revision, update_time = $update_time, role_sid = $role_sid, friendly_name = $friendly_name,
            attributes = $attributes, quiet_reasons = $quiet_reasons
        WHERE id = $id
        """);

    // By far the most frequent statement: it writes a third of the values and none of the texts.
    private readonly Statement _updatePresence = new(
        connection,
        """
        UPDATE users SET
            is_online = $is_online, known_revision = $known_revision, revision = $revision, online_revision = $online_revision,
            notifiable_revision = $notifiable_revision, last_online_time = $last_online_time, last_alive = $last_alive
        WHERE id = $id
        """);

    private readonly Statement _insertUser = new(
        connection,
        """
        INSERT INTO users (
            is_online, known_revision, revision, online_revision, notifiable_revision, last_online_time, binding_count, had_binding,
            friendly_name_revision, attributes_revision, role_revision, update_time, role_sid, friendly_name, attributes, quiet_reasons,
            service_id, sid, identity, create_time, created_revision, last_alive)
        VALUES (
            $is_online, $known_revision, $revision, $online_revision, $notifiable_revision, $last_online_time, $binding_count, $had_binding,
            $friendly_name_revision, $attributes_revision, $role_revision, $update_time, $role_sid, $friendly_name, $attributes,
            $quiet_reasons,
            $service_id, $sid, $identity, $create_time, $created_revision, $last_alive)
        """);

    private readonly Statement _markAlive = new(
        connection,
        "UPDATE users SET last_alive = $last_alive WHERE service_id = $service_id AND sid = $sid");

    private readonly Statement _addEndedSession = new(
        connection,
        """
        INSERT INTO ended_sessions (service_id, identity, session_id, until) VALUES ($service_id, $identity, $session_id, $until)
        ON CONFLICT (service_id, identity, session_id) DO UPDATE SET until = max(until, excluded.until)
        """);

    private readonly Statement _storeUptime = new(connection, "UPDATE uptime SET alive_time = $alive_time, total = $total");

    /// <summary>Returns the service instance; null if it does not exist or was deleted.</summary>
    public ServiceRecord? FindService(ServiceSid sid)
    {
        using var rows = _findService.Bind(sid.Value).Query();
        return rows.Read() ? Columns.ReadService(rows.Row) : null;
    }

    /// <summary>Returns the user, or null.</summary>
    public UserRecord? FindUser(long serviceId, UserKey key)
    {
        using var rows = key.IsSid
            ? _findUserBySid.Bind(serviceId, key.Sid.Value).Query()
            : _findUserByIdentity.Bind(serviceId, key.Identity.ToString()).Query();
        return rows.Read() ? Columns.ReadUser(rows.Row) : null;
    }

    /// <summary>Writes the columns of a service instance that can change.</summary>
    public void UpdateService(ServiceRecord service)
    {
        var configuration = service.Configuration;
        _updateService.Bind(
            service.FriendlyName,
            service.UpdateTime,
            service.Revision,
            service.UserCount,
            configuration.ReachabilityEnabled,
            configuration.HeartbeatInterval,
            configuration.SessionTimeout,
            configuration.OfflineDebounce,
            configuration.AutoCreateUsers,
            configuration.DefaultServiceRoleSid.ToString(),
            configuration.DefaultConversationRoleSid.ToString(),
            configuration.DefaultConversationCreatorRoleSid.ToString(),
            configuration.Revision,
            configuration.SwitchedOnRevision,
            configuration.SwitchRevision,
            configuration.UpdateTime,
            service.Id).Execute();
    }

    /// <summary>Writes the columns of a user that can change.</summary>
    public void UpdateUser(UserRecord user) => _updateUser.Bind(
        user.IsOnline,
        user.KnownRevision,
        user.Revision,
        user.OnlineRevision,
        user.NotifiableRevision,
        user.LastOnlineTime,
        user.BindingCount,
        user.HadBinding,
        user.FriendlyNameRevision,
        user.AttributesRevision,
        user.RoleRevision,
        user.UpdateTime,
        user.RoleSid.ToString(),
        user.FriendlyName,
        user.Attributes,
        (long)user.QuietReasons,
        user.Id).Execute();

    /// <summary>Writes the columns of a user that a transition can change.</summary>
    public void UpdatePresence(UserRecord user) => _updatePresence.Bind(
        user.IsOnline,
        user.KnownRevision,
        user.Revision,
        user.OnlineRevision,
        user.NotifiableRevision,
        user.LastOnlineTime,
        user.LastAlive,
        user.Id).Execute();

    /// <summary>Writes when a user was last known alive. Does nothing if the user does not exist.</summary>
    public void MarkAlive(long serviceId, UserSid user, TimeSpan uptime) => _markAlive.Bind(uptime, serviceId, user.Value).Execute();

    /// <summary>Adds an ended session, or raises its time.</summary>
    public void AddEndedSession(long serviceId, Identity identity, SessionId session, TimeSpan until) =>
        _addEndedSession.Bind(serviceId, identity.ToString(), session.ToString(), until).Execute();

    /// <summary>Replaces the uptime.</summary>
    public void StoreUptime(ServerUptime uptime) => _storeUptime.Bind(uptime.AliveTime, uptime.Total).Execute();

    /// <summary>Adds a user and returns its key.</summary>
    public long InsertUser(long serviceId, UserRecord user)
    {
        _insertUser.Bind(
            user.IsOnline,
            user.KnownRevision,
            user.Revision,
            user.OnlineRevision,
            user.NotifiableRevision,
            user.LastOnlineTime,
            user.BindingCount,
            user.HadBinding,
            user.FriendlyNameRevision,
            user.AttributesRevision,
            user.RoleRevision,
            user.UpdateTime,
            user.RoleSid.ToString(),
            user.FriendlyName,
            user.Attributes,
            (long)user.QuietReasons,
            serviceId,
            user.Sid.Value,
            user.Identity.ToString(),
            user.CreateTime,
            user.CreatedRevision,
            user.LastAlive).Execute();
        return raw.sqlite3_last_insert_rowid(connection.Handle);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _findService.Dispose();
        _findUserBySid.Dispose();
        _findUserByIdentity.Dispose();
        _updateService.Dispose();
        _updateUser.Dispose();
        _updatePresence.Dispose();
        _insertUser.Dispose();
        _markAlive.Dispose();
        _addEndedSession.Dispose();
        _storeUptime.Dispose();
    }
}
