using GrpcPresence.Core.Domain.Users;
using NpgsqlTypes;

namespace GrpcPresence.Storage.Postgres.Native;

/// <summary>The columns of the presence of users of a commit: of transitions, and of users that are written whole.</summary>
internal sealed class PresenceColumns(CommitColumns all)
{
    private readonly List<int> _service = all.Add<int>("p_presence_service", NpgsqlDbType.Integer);
    private readonly List<long> _userId = all.Add<long>("p_presence_user_id", NpgsqlDbType.Bigint);
    private readonly List<bool> _isNew = all.Add<bool>("p_presence_is_new", NpgsqlDbType.Boolean);
    private readonly List<long> _revision = all.Add<long>("p_presence_revision", NpgsqlDbType.Bigint);
    private readonly List<long> _knownRevision = all.Add<long>("p_presence_known_revision", NpgsqlDbType.Bigint);
    private readonly List<long> _onlineRevision = all.Add<long>("p_presence_online_revision", NpgsqlDbType.Bigint);
    private readonly List<long> _notifiableRevision = all.Add<long>("p_presence_notifiable_revision", NpgsqlDbType.Bigint);
    private readonly List<long> _lastAlive = all.Add<long>("p_presence_last_alive", NpgsqlDbType.Bigint);
    private readonly List<long?> _lastOnlineTime = all.Add<long?>("p_presence_last_online_time", NpgsqlDbType.Bigint);
    private readonly List<bool> _isOnline = all.Add<bool>("p_presence_is_online", NpgsqlDbType.Boolean);

    /// <summary>Adds the presence of a user of the service instance at the position.</summary>
    public void Add(int service, long userId, in UserPresence presence, bool isNew)
    {
        _service.Add(service);
        _userId.Add(userId);
        _isNew.Add(isNew);
        _revision.Add(presence.Revision);
        _knownRevision.Add(presence.KnownRevision);
        _onlineRevision.Add(presence.OnlineRevision);
        _notifiableRevision.Add(presence.NotifiableRevision);
        _lastAlive.Add(presence.LastAlive.Ticks);
        _lastOnlineTime.Add(presence.LastOnlineTime?.UtcTicks);
        _isOnline.Add(presence.IsOnline);
    }
}
