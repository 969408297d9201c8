using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Domain.Users;
using GrpcPresence.Core.Storage;
using GrpcPresence.Core.Storage.Batches;
using GrpcPresence.Storage.Sqlite.Store;
using Microsoft.Data.Sqlite;

namespace GrpcPresence.Storage.Sqlite.Native;

/// <summary>
/// The prepared statements for nearly every command: to find, add and update a user, and to read and write a service instance.
/// </summary>
internal sealed class WriteStatements(SqliteConnection connection, Guid timeline) : IDisposable
{
    private readonly Statement _findService = new(
        connection,
        $"""
        SELECT {Columns.OfService}, s.version, s.next_user_id, s.next_binding_id
        FROM services AS s WHERE s.sid = $sid AND s.is_deleted = 0
        """);

    private readonly Statement _findVersion = new(connection, "SELECT version FROM services WHERE id = $id AND is_deleted = 0");

    private readonly Statement _findUserBySid = new(
        connection,
        $"SELECT {Columns.OfUser} FROM users AS u WHERE u.service_id = $service_id AND u.sid = $sid");

    private readonly Statement _findUserByIdentity = new(
        connection,
        $"SELECT {Columns.OfUser} FROM users AS u WHERE u.service_id = $service_id AND u.identity = $identity");

    private readonly Statement _findUserById = new(
        connection,
        $"SELECT {Columns.OfUser} FROM users AS u WHERE u.id = $id AND u.service_id = $service_id");

    private readonly Statement _findPresenceBySid = new(
        connection,
        $"SELECT {Columns.OfPresence} FROM users AS u WHERE u.service_id = $service_id AND u.sid = $sid");

    private readonly Statement _findPresenceByIdentity = new(
        connection,
        $"SELECT {Columns.OfPresence} FROM users AS u WHERE u.service_id = $service_id AND u.identity = $identity");

    private readonly Statement _findPresenceById = new(
        connection,
        $"SELECT {Columns.OfPresence} FROM users AS u WHERE u.id = $id AND u.service_id = $service_id");

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
            switch_revision = $switch_revision, configuration_update_time = $configuration_update_time,
            next_user_id = $next_user_id, next_binding_id = $next_binding_id, version = version + 1
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
            attributes = $attributes, quiet_reasons = $quiet_reasons, last_alive = $last_alive
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
            last_alive, id, service_id, sid, identity, create_time, created_revision)
        VALUES (
            $is_online, $known_revision, $revision, $online_revision, $notifiable_revision, $last_online_time, $binding_count, $had_binding,
            $friendly_name_revision, $attributes_revision, $role_revision, $update_time, $role_sid, $friendly_name, $attributes,
            $quiet_reasons,
            $last_alive, $id, $service_id, $sid, $identity, $create_time, $created_revision)
        """);

    private readonly Statement _markAlive = new(
        connection,
        "UPDATE users SET last_alive = $last_alive WHERE id = $id AND service_id = $service_id");

    private readonly Statement _addEndedSession = new(
        connection,
        """
        INSERT INTO ended_sessions (service_id, identity, session_id, until) VALUES ($service_id, $identity, $session_id, $until)
        ON CONFLICT (service_id, identity, session_id) DO UPDATE SET until = max(until, excluded.until)
        """);

    private readonly Statement _removeEndedSession = new(
        connection,
        "DELETE FROM ended_sessions WHERE service_id = $service_id AND identity = $identity AND session_id = $session_id");

    private readonly Statement _storeUptime = new(connection, "UPDATE uptime SET alive_time = $alive_time, total = $total");

    /// <summary>Returns the service instance; null if it does not exist or was deleted.</summary>
    public StoredService? FindService(ServiceSid sid)
    {
        using var rows = _findService.Bind(sid.Value).Query();
        return rows.Read()
            ? new StoredService(
                Columns.ReadService(rows.Row, timeline),
                rows.Row.Int64(Columns.CountOfService),
                rows.Row.Int64(Columns.CountOfService + 1),
                rows.Row.Int64(Columns.CountOfService + 2))
            : null;
    }

    /// <summary>Returns the version of the service instance; null if it does not exist or was deleted.</summary>
    public long? FindVersion(long serviceId)
    {
        using var rows = _findVersion.Bind(serviceId).Query();
        return rows.Read() ? rows.Row.Int64(0) : null;
    }

    /// <summary>Returns the user, or null.</summary>
    public UserRecord? FindUser(long serviceId, UserLookup user)
    {
        using var rows = Find(user, serviceId, _findUserById, _findUserBySid, _findUserByIdentity).Query();
        return rows.Read() ? Columns.ReadUser(rows.Row) : null;
    }

    /// <summary>Returns what a transition reads of the user; <c>default</c> if it does not exist.</summary>
    public StoredPresence FindPresence(long serviceId, UserLookup user)
    {
        using var rows = Find(user, serviceId, _findPresenceById, _findPresenceBySid, _findPresenceByIdentity).Query();
        return rows.Read() ? Columns.ReadPresence(rows.Row) : default;
    }

    /// <summary>Writes the columns of a service instance that can change, and raises its version.</summary>
    public void UpdateService(StoredService stored)
    {
        var (service, configuration) = (stored.Record, stored.Record.Configuration);
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
            stored.NextUserId,
            stored.NextBindingId,
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
        user.LastAlive,
        user.Id).Execute();

    /// <summary>Writes the columns of a user that a transition can change.</summary>
    public void UpdatePresence(in PresenceWrite user)
    {
        var presence = user.Presence;
        _updatePresence.Bind(1, presence.IsOnline ? 1 : 0);
        _updatePresence.Bind(2, presence.KnownRevision);
        _updatePresence.Bind(3, presence.Revision);
        _updatePresence.Bind(4, presence.OnlineRevision);
        _updatePresence.Bind(5, presence.NotifiableRevision);
        _updatePresence.Bind(6, presence.LastOnlineTime?.UtcTicks);
        _updatePresence.Bind(7, presence.LastAlive.Ticks);
        _updatePresence.Bind(8, user.UserId);
        _updatePresence.Execute();
    }

    /// <summary>Writes when a user was last known alive. Does nothing if the user does not exist.</summary>
    public void MarkAlive(in AliveMark mark) => _markAlive.Bind(mark.Uptime, mark.UserId, mark.ServiceId).Execute();

    /// <summary>Adds an ended session, or raises its time.</summary>
    public void AddEndedSession(long serviceId, Identity identity, SessionId session, TimeSpan until) =>
        _addEndedSession.Bind(serviceId, identity.ToString(), session.ToString(), until).Execute();

    /// <summary>Removes an ended session, if it exists.</summary>
    public void RemoveEndedSession(long serviceId, Identity identity, SessionId session) =>
        _removeEndedSession.Bind(serviceId, identity.ToString(), session.ToString()).Execute();

    /// <summary>Replaces the uptime.</summary>
    public void StoreUptime(ServerUptime uptime) => _storeUptime.Bind(uptime.AliveTime, uptime.Total).Execute();

    /// <summary>Adds a user under its key.</summary>
    public void InsertUser(long serviceId, UserRecord user) => _insertUser.Bind(
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
        user.LastAlive,
        user.Id,
        serviceId,
        user.Sid.Value,
        user.Identity.ToString(),
        user.CreateTime,
        user.CreatedRevision).Execute();

    /// <inheritdoc/>
    public void Dispose()
    {
        _findService.Dispose();
        _findVersion.Dispose();
        _findUserBySid.Dispose();
        _findUserByIdentity.Dispose();
        _findUserById.Dispose();
        _findPresenceBySid.Dispose();
        _findPresenceByIdentity.Dispose();
        _findPresenceById.Dispose();
        _updateService.Dispose();
        _updateUser.Dispose();
        _updatePresence.Dispose();
        _insertUser.Dispose();
        _markAlive.Dispose();
        _addEndedSession.Dispose();
        _removeEndedSession.Dispose();
        _storeUptime.Dispose();
    }

    private static Statement Find(UserLookup user, long serviceId, Statement byId, Statement bySid, Statement byIdentity)
    {
        if (user.Id == 0)
            return user.Key.IsSid ? bySid.Bind(serviceId, user.Key.Sid.Value) : byIdentity.Bind(serviceId, user.Key.Identity.ToString());
        byId.Bind(1, user.Id);
        byId.Bind(2, serviceId);
        return byId;
    }
}
