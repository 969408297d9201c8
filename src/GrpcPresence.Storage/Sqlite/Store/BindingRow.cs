using GrpcPresence.Core.Domain.Users;
using GrpcPresence.Storage.Formats;

namespace GrpcPresence.Storage.Sqlite.Store;

/// <summary>A push binding with its user, as Dapper reads it.</summary>
internal sealed class BindingRow
{
    /// <summary>The selection that fills a row.</summary>
    public const string Select = """
        SELECT b.id AS Id, b.sid AS Sid, u.sid AS UserSid, u.identity AS Identity, b.type AS Type, b.endpoint AS Endpoint,
               b.create_time AS CreateTime
        FROM push_bindings AS b JOIN users AS u ON u.id = b.user_id
        """;

    public long Id { get; init; }

    public byte[] Sid { get; init; } = [];

    public byte[] UserSid { get; init; } = [];

    public string Identity { get; init; } = "";

    public long Type { get; init; }

    public string Endpoint { get; init; } = "";

    public long CreateTime { get; init; }

    /// <summary>Returns the domain's record.</summary>
    public PushBinding ToBinding() => new()
    {
        Id = Id,
        Sid = new BindingSid(SidBytes.Read(Sid)),
        UserSid = new UserSid(SidBytes.Read(UserSid)),
        Identity = Core.Domain.Users.Identity.FromTrusted(Identity),
        Type = (BindingType)Type,
        Endpoint = Endpoint,
        CreateTime = new DateTimeOffset(CreateTime, TimeSpan.Zero),
    };
}
