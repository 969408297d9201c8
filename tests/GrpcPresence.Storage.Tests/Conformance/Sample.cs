using GrpcPresence.Core.Domain.ApiKeys;
using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Domain.Users;

namespace GrpcPresence.Storage.Tests.Conformance;

/// <summary>Records with recognizable content. Times have odd ticks, so that the tests detect a store that rounds.</summary>
internal static class Sample
{
    public static readonly DateTimeOffset Time = new DateTimeOffset(2026, 3, 4, 5, 6, 7, TimeSpan.Zero).AddTicks(1234567);

    public static ServiceSid ServiceSid(int number) => new(((UInt128)0xA1 << 120) + (UInt128)number);

    public static UserSid UserSid(int number) => new(((UInt128)0xB2 << 120) + (UInt128)number);

    public static BindingSid BindingSid(int number) => new(((UInt128)0xC3 << 120) + (UInt128)number);

    public static Identity Identity(int number) => Core.Domain.Users.Identity.FromTrusted($"user-{number:d4}");

    public static RoleSid Role(int number) =>
        RoleSid.TryParse($"RL{number:x32}", out var sid) ? sid : throw new ArgumentOutOfRangeException(nameof(number));

    public static ServiceRecord Service(int number = 1) => new()
    {
        Sid = ServiceSid(number),
        FriendlyName = $"service {number}",
        CreateTime = Time,
        UpdateTime = Time.AddTicks(1),
        Configuration = new ServiceConfiguration { UpdateTime = Time.AddTicks(2) },
    };

    public static UserRecord User(int number, long revision) => new()
    {
        Sid = UserSid(number),
        Identity = Identity(number),
        CreateTime = Time,
        UpdateTime = Time,
        CreatedRevision = revision,
        Revision = revision,
    };

    public static UserRecord OnlineUser(int number, long revision) => User(number, revision) with
    {
        IsOnline = true,
        OnlineRevision = revision,
        KnownRevision = revision,
    };

    public static Tombstone TombstoneOf(UserRecord user, long revision, DateTimeOffset? time = null) =>
        new(user.Sid, user.Identity, revision, time ?? Time);

    public static PushBinding Binding(int number, UserRecord user) => new()
    {
        Sid = BindingSid(number),
        UserSid = user.Sid,
        Identity = user.Identity,
        Type = BindingType.WebPush,
        Endpoint = $"https://push.example/{number}",
        CreateTime = Time.AddTicks(3),
    };

    public static ApiKey ApiKey(int number) => new()
    {
        Sid = new ApiKeySid((UInt128)number),
        FriendlyName = "",
        Role = ApiKeyRole.Admin,
        Secret = new ApiKeySecret($"salt-{number}", $"hash-{number}"),
        PreviousSecretUntil = default,
        CreateTime = Time,
    };

    public static UserKey Key(UserRecord user) => new(user.Identity);

    public static UserKey SidKey(UserRecord user) => new(user.Sid);
}
