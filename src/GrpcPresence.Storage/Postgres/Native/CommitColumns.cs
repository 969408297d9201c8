using Npgsql;
using NpgsqlTypes;

namespace GrpcPresence.Storage.Postgres.Native;

/// <summary>
/// The parameters of <c>commit_changes</c>. Each list is an array with one element for each row. The lists are kept for the next commit,
/// so that a commit of thousands of rows does not allocate them again.
/// </summary>
internal sealed class CommitColumns : IDisposable
{
    private readonly List<Action> _clear = [];
    private readonly List<string> _names = [];
    private readonly NpgsqlCommand _command = new() { CommandTimeout = 0 }; // limited by the store

    public CommitColumns()
    {
        Position = Scalar("p_position", NpgsqlDbType.Array | NpgsqlDbType.Bigint);
        Server = Scalar("p_server", NpgsqlDbType.Text);
        DirectoryVersion = Scalar("p_directory_version", NpgsqlDbType.Bigint);
        ChangesDirectory = Scalar("p_changes_directory", NpgsqlDbType.Boolean);
        Uptime = Scalar("p_uptime", NpgsqlDbType.Array | NpgsqlDbType.Bigint);
        UsersPerService = Scalar("p_users_per_service", NpgsqlDbType.Bigint);
        Webhooks = Scalar("p_webhooks", NpgsqlDbType.Jsonb);
        ApiKeys = Scalar("p_api_keys", NpgsqlDbType.Jsonb);

        Shard = Add<int>("p_shard", NpgsqlDbType.Integer);
        ShardEpoch = Add<long>("p_shard_epoch", NpgsqlDbType.Bigint);
        ShardReceiver = Add<string?>("p_shard_receiver", NpgsqlDbType.Text);

        Services = new ServiceColumns(this);
        Users = new UserColumns(this);
        Presences = new PresenceColumns(this);

        DeletedBindingService = Add<int>("p_deleted_binding_service", NpgsqlDbType.Integer);
        DeletedBindingId = Add<long>("p_deleted_binding_id", NpgsqlDbType.Bigint);
        DeletedUserService = Add<int>("p_deleted_user_service", NpgsqlDbType.Integer);
        DeletedUserId = Add<long>("p_deleted_user_id", NpgsqlDbType.Bigint);
        DeletedUserVersion = Add<long>("p_deleted_user_version", NpgsqlDbType.Bigint);

        TombstoneService = Add<int>("p_tombstone_service", NpgsqlDbType.Integer);
        TombstoneRevision = Add<long>("p_tombstone_revision", NpgsqlDbType.Bigint);
        TombstoneDeleteTime = Add<long>("p_tombstone_delete_time", NpgsqlDbType.Bigint);
        TombstoneSid = Add<Guid>("p_tombstone_sid", NpgsqlDbType.Uuid);
        TombstoneIdentity = Add<byte[]>("p_tombstone_identity", NpgsqlDbType.Bytea);

        BindingService = Add<int>("p_binding_service", NpgsqlDbType.Integer);
        BindingId = Add<long>("p_binding_id", NpgsqlDbType.Bigint);
        BindingUserId = Add<long>("p_binding_user_id", NpgsqlDbType.Bigint);
        BindingSid = Add<Guid>("p_binding_sid", NpgsqlDbType.Uuid);
        BindingCreateTime = Add<long>("p_binding_create_time", NpgsqlDbType.Bigint);
        BindingType = Add<int>("p_binding_type", NpgsqlDbType.Integer);
        BindingEndpoint = Add<byte[]>("p_binding_endpoint", NpgsqlDbType.Bytea);

        EndedService = Add<int>("p_ended_service", NpgsqlDbType.Integer);
        EndedIdentity = Add<byte[]>("p_ended_identity", NpgsqlDbType.Bytea);
        EndedSessionId = Add<byte[]>("p_ended_session_id", NpgsqlDbType.Bytea);
        EndedIsForgotten = Add<bool>("p_ended_is_forgotten", NpgsqlDbType.Boolean);
        EndedUntil = Add<long?>("p_ended_until", NpgsqlDbType.Bigint);
        EndedShard = Add<int>("p_ended_shard", NpgsqlDbType.Integer);

        AliveServiceId = Add<long>("p_alive_service_id", NpgsqlDbType.Bigint);
        AliveUserId = Add<long>("p_alive_user_id", NpgsqlDbType.Bigint);
        AliveUptime = Add<long>("p_alive_uptime", NpgsqlDbType.Bigint);

        NotificationService = Add<int>("p_notification_service", NpgsqlDbType.Integer);
        NotificationSettings = Add<string>("p_notification_settings", NpgsqlDbType.Text);

        DeletedApiKeyId = Add<long>("p_deleted_api_key_id", NpgsqlDbType.Bigint);

        // By name, so that no order of parameters can be wrong.
        _command.CommandText =
            "SELECT is_directory_stale, stale, revisions, user_counts, next_user_ids, next_binding_ids, lost_shards, switch_epoch "
            + "FROM commit_changes("
            + string.Join(", ", _names.Select((name, index) => $"{name} => ${index + 1}")) + ")";
    }

    /// <summary>The node, its incarnation, its generation, and the number of the commit.</summary>
    public NpgsqlParameter Position { get; }

    public NpgsqlParameter Server { get; }

    public NpgsqlParameter DirectoryVersion { get; }

    public NpgsqlParameter ChangesDirectory { get; }

    /// <summary>The wall time and the total; null if the commit stores none.</summary>
    public NpgsqlParameter Uptime { get; }

    public NpgsqlParameter UsersPerService { get; }

    public NpgsqlParameter Webhooks { get; }

    public NpgsqlParameter ApiKeys { get; }

    public List<int> Shard { get; }

    public List<long> ShardEpoch { get; }

    /// <summary>The node that gets the shard, null for one that stays.</summary>
    public List<string?> ShardReceiver { get; }

    public ServiceColumns Services { get; }

    public UserColumns Users { get; }

    public PresenceColumns Presences { get; }

    public List<int> DeletedBindingService { get; }

    public List<long> DeletedBindingId { get; }

    public List<int> DeletedUserService { get; }

    public List<long> DeletedUserId { get; }

    public List<long> DeletedUserVersion { get; }

    public List<int> TombstoneService { get; }

    public List<long> TombstoneRevision { get; }

    public List<long> TombstoneDeleteTime { get; }

    public List<Guid> TombstoneSid { get; }

    public List<byte[]> TombstoneIdentity { get; }

    public List<int> BindingService { get; }

    public List<long> BindingId { get; }

    public List<long> BindingUserId { get; }

    public List<Guid> BindingSid { get; }

    public List<long> BindingCreateTime { get; }

    public List<int> BindingType { get; }

    public List<byte[]> BindingEndpoint { get; }

    public List<int> EndedService { get; }

    public List<byte[]> EndedIdentity { get; }

    public List<byte[]> EndedSessionId { get; }

    public List<bool> EndedIsForgotten { get; }

    public List<long?> EndedUntil { get; }

    public List<int> EndedShard { get; }

    public List<long> AliveServiceId { get; }

    public List<long> AliveUserId { get; }

    public List<long> AliveUptime { get; }

    public List<int> NotificationService { get; }

    public List<string> NotificationSettings { get; }

    public List<long> DeletedApiKeyId { get; }

    /// <summary>Returns the command on a connection.</summary>
    public NpgsqlCommand On(NpgsqlConnection connection)
    {
        _command.Connection = connection;
        return _command;
    }

    /// <summary>Removes all rows.</summary>
    public void Clear()
    {
        foreach (var clear in _clear)
            clear();
    }

    /// <inheritdoc/>
    public void Dispose() => _command.Dispose();

    /// <summary>Adds a parameter that is an array.</summary>
    internal List<T> Add<T>(string name, NpgsqlDbType type)
    {
        var list = new List<T>();
        _names.Add(name);
        _clear.Add(list.Clear);
        _command.Parameters.Add(new NpgsqlParameter<List<T>> { TypedValue = list, NpgsqlDbType = NpgsqlDbType.Array | type });
        return list;
    }

    private NpgsqlParameter Scalar(string name, NpgsqlDbType type)
    {
        var parameter = new NpgsqlParameter { NpgsqlDbType = type, Value = DBNull.Value };
        _names.Add(name);
        _command.Parameters.Add(parameter);
        return parameter;
    }
}
