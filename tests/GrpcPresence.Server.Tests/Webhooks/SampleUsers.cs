using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Domain.Users;

namespace GrpcPresence.Server.Tests.Webhooks;

/// <summary>Users for the events that these tests send.</summary>
internal static class SampleUsers
{
    public static readonly ServiceSid Service = new(1);

    public static readonly ServiceConfiguration On = new()
    {
        ReachabilityEnabled = true,
        Revision = 1,
        SwitchedOnRevision = 1,
        SwitchRevision = 1
    };

    public static UserRecord Record() => new()
    {
        Sid = new UserSid(2),
        Identity = Identity.TryParse("ada@example.com", out var identity) ? identity : default,
        FriendlyName = "Ada & Bob",
        Attributes = "{\"a\":1}",
        CreateTime = new DateTimeOffset(2019, 12, 16, 22, 18, 37, 912, TimeSpan.Zero),
        UpdateTime = new DateTimeOffset(2019, 12, 16, 23, 18, 38, TimeSpan.FromHours(1)),
        CreatedRevision = 2,
        KnownRevision = 3,
        OnlineRevision = 3,
        IsOnline = true,
        Revision = 3,
    };

    public static UserState State(UserRecord? record = null) => UserState.Of(Service, record ?? Record(), On);
}
