using GrpcPresence.Core.Domain.Cluster;
using GrpcPresence.Core.Domain.Users;
using NpgsqlTypes;

namespace GrpcPresence.Storage.Postgres.Native;

/// <summary>The columns of the presence of users of a commit: of transitions, and of users that are written whole.</summary>
internal sealed class PresenceColumns(CommitColumns all)
{
    private readonly List<int> _service = all.Add<int>("p_presence_service", NpgsqlDbType.Integer);
    private readonly List<long> _userId = all.Add<long>("p_presence_user_id", NpgsqlDbType.Bigint);
    private readonly List<long?> _version = all.Add<long?>("p_presence_version", NpgsqlDbType.Bigint);
    private readonly List<long> _revision = all.Add<long>("p_presence_revision", NpgsqlDbType.Bigint);
    private readonly List<long> _knownRevision = all.Add<long>("p_presence_known_revision", NpgsqlDbType.Bigint);
    private readonly List<long> _onlineRevision = all.Add<long>("p_presence_online_revision", NpgsqlDbType.Bigint);
    private readonly List<long> _notifiableRevision = all.Add<long>("p_presence_notifiable_revision", NpgsqlDbType.Bigint);
    private readonly List<long> _lastAlive = all.Add<long>("p_presence_last_alive", NpgsqlDbType.Bigint);
    private readonly List<long?> _lastOnlineTime = all.Add<long?>("p_presence_last_online_time", NpgsqlDbType.Bigint);
    private readonly List<bool> _isOnline = all.Add<bool>("p_presence_is_online", NpgsqlDbType.Boolean);
    private readonly List<int?> _shard = all.Add<int?>("p_presence_shard", NpgsqlDbType.Integer);

    /// <summary>Adds the presence of a user.</summary>
    /// <param name="service">The position of the service instance.</param>
    /// <param name="userId">The key of the user.</param>
    /// <param name="presence">The presence.</param>
    /// <param name="version">The version of the user that was read; null for a new user.</param>
    /// <param name="shard">The shard of a new user; null for one that has its shard.</param>
    public void Add(int service, long userId, in UserPresence presence, long? version, Shard? shard = null)
    {
        _service.Add(service);
        _userId.Add(userId);
        _version.Add(version);
        _revision.Add(presence.Revision);
        _knownRevision.Add(presence.KnownRevision);
        _onlineRevision.Add(presence.OnlineRevision);
        _notifiableRevision.Add(presence.NotifiableRevision);
        _lastAlive.Add(presence.LastAlive.Ticks);
        _lastOnlineTime.Add(presence.LastOnlineTime?.UtcTicks);
        _isOnline.Add(presence.IsOnline);
        _shard.Add(shard?.Number);
    }
}
