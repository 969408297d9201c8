using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Domain.Users;
using GrpcPresence.Core.Storage.Batches;
using GrpcPresence.Storage.Sqlite.Native;

namespace GrpcPresence.Storage.Sqlite.Store;

/// <summary>The columns of the two records that the hot paths read by position.</summary>
internal static class Columns
{
    /// <summary>The columns that <see cref="ReadService"/> reads, of <c>services AS s</c>.</summary>
    public const string OfService = """
        s.id, s.sid, s.friendly_name, s.create_time, s.update_time, s.revision, s.purged_revision,
        s.reachability_enabled, s.heartbeat_interval, s.session_timeout, s.offline_debounce, s.auto_create_users,
        s.default_service_role_sid, s.default_conversation_role_sid, s.default_conversation_creator_role_sid,
        s.configuration_revision, s.switched_on_revision, s.switch_revision, s.configuration_update_time, s.user_count
        """;

    /// <summary>The columns that <see cref="ReadUser"/> reads, of <c>users AS u</c>.</summary>
    public const string OfUser = """
        u.id, u.sid, u.identity, u.friendly_name, u.attributes, u.role_sid, u.create_time, u.update_time,
        u.is_online, u.last_online_time, u.binding_count, u.had_binding,
        u.created_revision, u.friendly_name_revision, u.attributes_revision, u.role_revision,
        u.online_revision, u.notifiable_revision, u.known_revision, u.revision, u.quiet_reasons, u.last_alive
        """;

    /// <summary>The number of the columns of <see cref="OfService"/>.</summary>
    public const int CountOfService = 20;

    /// <summary>The columns that <see cref="ReadPresence"/> reads, of <c>users AS u</c>.</summary>
    public const string OfPresence = """
        u.id, u.sid, u.had_binding, u.is_online, u.last_online_time, u.last_alive, u.online_revision, u.notifiable_revision,
        u.known_revision, u.revision
        """;

    /// <summary>Reads <see cref="OfPresence"/>.</summary>
    public static StoredPresence ReadPresence(Row row) => new(
        row.Int64(0),
        new UserSid(row.Sid(1)),
        row.Flag(2),
        new UserPresence
        {
            IsOnline = row.Flag(3),
            LastOnlineTime = row.OptionalTime(4),
            LastAlive = row.Duration(5),
            OnlineRevision = row.Int64(6),
            NotifiableRevision = row.Int64(7),
            KnownRevision = row.Int64(8),
            Revision = row.Int64(9),
        });

    /// <summary>Reads <see cref="OfService"/>.</summary>
    public static ServiceRecord ReadService(Row row, Guid timeline) => new()
    {
        Id = row.Int64(0),
        Sid = new ServiceSid(row.Sid(1)),
        FriendlyName = row.Text(2),
        CreateTime = row.Time(3),
        UpdateTime = row.Time(4),
        Revision = row.Int64(5),
        Timeline = timeline,
        PurgedRevision = row.Int64(6),
        Configuration = new ServiceConfiguration
        {
            ReachabilityEnabled = row.Flag(7),
            HeartbeatInterval = row.Duration(8),
            SessionTimeout = row.Duration(9),
            OfflineDebounce = row.Duration(10),
            AutoCreateUsers = row.Flag(11),
            DefaultServiceRoleSid = row.Role(12),
            DefaultConversationRoleSid = row.Role(13),
            DefaultConversationCreatorRoleSid = row.Role(14),
            Revision = row.Int64(15),
            SwitchedOnRevision = row.Int64(16),
            SwitchRevision = row.Int64(17),
            UpdateTime = row.Time(18),
        },
        UserCount = row.Int64(19),
    };

    /// <summary>Returns the bytes of the texts of <see cref="OfUser"/>.</summary>
    public static int BytesOfUser(Row row) => row.Bytes(2) + row.Bytes(3) + row.Bytes(4);

    /// <summary>Returns the revision of <see cref="OfUser"/>.</summary>
    public static long RevisionOfUser(Row row) => row.Int64(19);

    /// <summary>Whether <see cref="OfUser"/> became known at a revision or later, and changed at a revision at most.</summary>
    public static bool IsKnown(Row row, long since, long upToRevision) => row.Int64(18) >= since && RevisionOfUser(row) <= upToRevision;

    /// <summary>Reads <see cref="OfUser"/>.</summary>
    public static UserRecord ReadUser(Row row) => new()
    {
        Id = row.Int64(0),
        Sid = new UserSid(row.Sid(1)),
        Identity = Identity.FromTrusted(row.Text(2)),
        FriendlyName = row.Text(3),
        Attributes = row.Text(4),
        RoleSid = row.Role(5),
        CreateTime = row.Time(6),
        UpdateTime = row.Time(7),
        IsOnline = row.Flag(8),
        LastOnlineTime = row.OptionalTime(9),
        BindingCount = (int)row.Int64(10),
        HadBinding = row.Flag(11),
        CreatedRevision = row.Int64(12),
        FriendlyNameRevision = row.Int64(13),
        AttributesRevision = row.Int64(14),
        RoleRevision = row.Int64(15),
        OnlineRevision = row.Int64(16),
        NotifiableRevision = row.Int64(17),
        KnownRevision = row.Int64(18),
        Revision = row.Int64(19),
        QuietReasons = (UpdateReasons)row.Int64(20),
        LastAlive = row.Duration(21),
    };
}
