using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Domain.Users;
using GrpcPresence.Server.Grpc.Mapping;
using GrpcPresence.Server.Grpc.Services;
using GrpcPresence.Server.Grpc.Wire;

namespace GrpcPresence.Server.Tests.Mapping;

public sealed class UserMessageTests
{
    private static readonly DateTimeOffset Created = new(2026, 1, 2, 3, 4, 5, TimeSpan.Zero);
    private static readonly ServiceSid Service = new(7);
    private static readonly ServiceConfiguration SwitchedOn =
        new() { ReachabilityEnabled = true, SwitchedOnRevision = 1, SwitchRevision = 1 };

    private static readonly UserRecord Record = new()
    {
        Id = 3,
        Sid = new UserSid(9),
        Identity = Identity.FromTrusted("alice"),
        FriendlyName = "Alice",
        Attributes = """{"a":1}""",
        CreateTime = Created,
        UpdateTime = Created.AddHours(1),
        LastOnlineTime = Created.AddHours(2),
        HadBinding = true,
        CreatedRevision = 2,
        KnownRevision = 3,
        Revision = 4,
    };

    private static readonly UserState Known = UserState.Of(Service, Record, SwitchedOn);

    [Fact]
    public void The_full_view_has_everything()
    {
        var full = Known.ToMessage(UserView.Full);

        Assert.Equal(Expected(profile: true, reachability: true), full);
    }

    [Fact]
    public void The_basic_view_has_everything_but_reachability() =>
        Assert.Equal(Expected(profile: true, reachability: false), Known.ToMessage(UserView.Basic));

    [Fact]
    public void The_reachability_view_has_names_reachability_and_revision_only() =>
        Assert.Equal(Expected(profile: false, reachability: true), Known.ToMessage(UserView.Reachability));

    [Theory]
    [InlineData(UserView.Basic)]
    [InlineData(UserView.Reachability)]
    [InlineData(UserView.Full)]
    public void A_deleted_user_has_names_and_revision_only(UserView view)
    {
        var deleted = UserState.Of(Service, new Tombstone(Record.Sid, Record.Identity, 8, Created));

        var expected = new V1.User { Sid = $"{Record.Sid}", Identity = "alice", Revision = 8 };
        Assert.Equal(expected, deleted.ToMessage(view));
    }

    [Fact]
    public void What_is_not_known_is_absent()
    {
        var message = UserState.Of(Service, Record, new ServiceConfiguration()).ToMessage(UserView.Full);

        Assert.False(message.HasIsOnline);
        Assert.False(message.HasIsNotifiable);
        Assert.Null(message.LastOnlineTime);
    }

    [Theory]
    [InlineData(UserView.Basic)]
    [InlineData(UserView.Reachability)]
    [InlineData(UserView.Full)]
    public void The_encoder_makes_the_bytes_of_the_message(UserView view) =>
        Assert.Equal(Known.ToMessage(view).ToByteArray(), new UserEncoder().Encode(Known, view));

    private static V1.User Expected(bool profile, bool reachability)
    {
        var user = new V1.User { Sid = $"{Record.Sid}", Identity = "alice", Revision = 4 };
        if (profile)
        {
            user.ServiceSid = $"{Service}";
            user.FriendlyName = "Alice";
            user.Attributes = """{"a":1}""";
            user.CreateTime = Timestamp.FromDateTimeOffset(Created);
            user.UpdateTime = Timestamp.FromDateTimeOffset(Created.AddHours(1));
            user.Etag = Record.Etag;
        }
        if (reachability)
        {
            user.IsOnline = false;
            user.IsNotifiable = false;
            user.LastOnlineTime = Timestamp.FromDateTimeOffset(Created.AddHours(2));
        }
        return user;
    }
}
