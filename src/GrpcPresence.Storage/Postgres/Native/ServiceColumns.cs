using GrpcPresence.Core.Domain.Cluster;
using GrpcPresence.Core.Storage.Batches;
using NpgsqlTypes;

namespace GrpcPresence.Storage.Postgres.Native;

/// <summary>The columns of the service instances of a commit.</summary>
internal sealed class ServiceColumns(CommitColumns all)
{
    private readonly List<long> _id = all.Add<long>("p_service_id", NpgsqlDbType.Bigint);
    private readonly List<Guid> _sid = all.Add<Guid>("p_service_sid", NpgsqlDbType.Uuid);
    private readonly List<int> _homeShard = all.Add<int>("p_service_home_shard", NpgsqlDbType.Integer);
    private readonly List<long> _version = all.Add<long>("p_service_version", NpgsqlDbType.Bigint);
    private readonly List<bool> _isNew = all.Add<bool>("p_service_is_new", NpgsqlDbType.Boolean);
    private readonly List<bool> _isDeleted = all.Add<bool>("p_service_is_deleted", NpgsqlDbType.Boolean);
    private readonly List<bool> _changesSettings = all.Add<bool>("p_service_changes_settings", NpgsqlDbType.Boolean);
    private readonly List<bool> _dependsOnRevision = all.Add<bool>("p_service_depends_on_revision", NpgsqlDbType.Boolean);
    private readonly List<long> _readRevision = all.Add<long>("p_service_read_revision", NpgsqlDbType.Bigint);
    private readonly List<long> _readUserCount = all.Add<long>("p_service_read_user_count", NpgsqlDbType.Bigint);
    private readonly List<long> _readNextUserId = all.Add<long>("p_service_read_next_user_id", NpgsqlDbType.Bigint);
    private readonly List<long> _readNextBindingId = all.Add<long>("p_service_read_next_binding_id", NpgsqlDbType.Bigint);
    private readonly List<long> _revision = all.Add<long>("p_service_revision", NpgsqlDbType.Bigint);
    private readonly List<long> _purgedRevision = all.Add<long>("p_service_purged_revision", NpgsqlDbType.Bigint);
    private readonly List<long> _userCount = all.Add<long>("p_service_user_count", NpgsqlDbType.Bigint);
    private readonly List<long> _nextUserId = all.Add<long>("p_service_next_user_id", NpgsqlDbType.Bigint);
    private readonly List<long> _nextBindingId = all.Add<long>("p_service_next_binding_id", NpgsqlDbType.Bigint);
    private readonly List<bool> _reachabilityEnabled = all.Add<bool>("p_service_reachability_enabled", NpgsqlDbType.Boolean);
    private readonly List<bool> _autoCreateUsers = all.Add<bool>("p_service_auto_create_users", NpgsqlDbType.Boolean);
    private readonly List<long> _createTime = all.Add<long>("p_service_create_time", NpgsqlDbType.Bigint);
    private readonly List<long> _updateTime = all.Add<long>("p_service_update_time", NpgsqlDbType.Bigint);
    private readonly List<long> _heartbeatInterval = all.Add<long>("p_service_heartbeat_interval", NpgsqlDbType.Bigint);
    private readonly List<long> _sessionTimeout = all.Add<long>("p_service_session_timeout", NpgsqlDbType.Bigint);
    private readonly List<long> _offlineDebounce = all.Add<long>("p_service_offline_debounce", NpgsqlDbType.Bigint);
    private readonly List<long> _configurationRevision = all.Add<long>("p_service_configuration_revision", NpgsqlDbType.Bigint);
    private readonly List<long> _switchedOnRevision = all.Add<long>("p_service_switched_on_revision", NpgsqlDbType.Bigint);
    private readonly List<long> _switchRevision = all.Add<long>("p_service_switch_revision", NpgsqlDbType.Bigint);
    private readonly List<long> _configurationUpdateTime = all.Add<long>("p_service_configuration_update_time", NpgsqlDbType.Bigint);
    private readonly List<string> _serviceRole = all.Add<string>("p_service_service_role", NpgsqlDbType.Text);
    private readonly List<string> _conversationRole = all.Add<string>("p_service_conversation_role", NpgsqlDbType.Text);
    private readonly List<string> _creatorRole = all.Add<string>("p_service_creator_role", NpgsqlDbType.Text);
    private readonly List<byte[]> _friendlyName = all.Add<byte[]>("p_service_friendly_name", NpgsqlDbType.Bytea);

    /// <summary>Adds a service instance.</summary>
    public void Add(ServiceWrites writes)
    {
        var (record, configuration) = (writes.Service.Record, writes.Service.Record.Configuration);
        _id.Add(record.Id);
        _sid.Add(SidGuid.Of(record.Sid.Value));
        _homeShard.Add(Shard.Of(record.Sid).Number);
        _version.Add(writes.Read.Version);
        _isNew.Add(writes.IsNew);
        _isDeleted.Add(writes.IsDeleted);
        _changesSettings.Add(writes.ChangesSettings);
        _dependsOnRevision.Add(writes.DependsOnRevision);
        var read = writes.Read.Counters;
        _readRevision.Add(read.Revision);
        _readUserCount.Add(read.UserCount);
        _readNextUserId.Add(read.NextUserId);
        _readNextBindingId.Add(read.NextBindingId);
        _revision.Add(record.Revision);
        _purgedRevision.Add(record.PurgedRevision);
        _userCount.Add(record.UserCount);
        _nextUserId.Add(writes.Service.NextUserId);
        _nextBindingId.Add(writes.Service.NextBindingId);
        _reachabilityEnabled.Add(configuration.ReachabilityEnabled);
        _autoCreateUsers.Add(configuration.AutoCreateUsers);
        _createTime.Add(record.CreateTime.UtcTicks);
        _updateTime.Add(record.UpdateTime.UtcTicks);
        _heartbeatInterval.Add(configuration.HeartbeatInterval.Ticks);
        _sessionTimeout.Add(configuration.SessionTimeout.Ticks);
        _offlineDebounce.Add(configuration.OfflineDebounce.Ticks);
        _configurationRevision.Add(configuration.Revision);
        _switchedOnRevision.Add(configuration.SwitchedOnRevision);
        _switchRevision.Add(configuration.SwitchRevision);
        _configurationUpdateTime.Add(configuration.UpdateTime.UtcTicks);
        _serviceRole.Add(configuration.DefaultServiceRoleSid.ToString());
        _conversationRole.Add(configuration.DefaultConversationRoleSid.ToString());
        _creatorRole.Add(configuration.DefaultConversationCreatorRoleSid.ToString());
        _friendlyName.Add(Utf8.Of(record.FriendlyName));
    }
}
