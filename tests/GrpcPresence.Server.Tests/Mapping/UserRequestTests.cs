using Google.Protobuf.WellKnownTypes;
using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Server.Grpc.Services;

namespace GrpcPresence.Server.Tests.Mapping;

public sealed class UserRequestTests
{
    private static readonly string Sid = "IS" + new string('1', 32);

    [Fact]
    public void Everything_that_is_wrong_with_a_new_user_is_reported_at_once()
    {
        var request = new V1.CreateUserRequest
        {
            FriendlyName = new string('x', 257),
            Attributes = "1",
            RoleSid = "1",
        };

        Assert.Equal(
            [
                ("service_sid", ErrorReason.FieldRequired),
                ("identity", ErrorReason.FieldRequired),
                ("friendly_name", ErrorReason.FieldTooLong),
                ("attributes", ErrorReason.AttributesInvalid),
                ("role_sid", ErrorReason.FieldInvalid),
            ],
            Rejected.By(() => request.ToChange()));
    }

    [Fact]
    public void A_user_to_update_is_named_by_sid_or_identity()
    {
        var mask = new FieldMask { Paths = { "attributes" } };
        var request = new V1.UpdateUserRequest { User = new V1.User { ServiceSid = Sid }, UpdateMask = mask };

        Assert.Equal([("user.sid", ErrorReason.FieldRequired)], Rejected.By(() => request.ToChange()));
        request.User.Identity = "alice";
        Assert.Empty(Rejected.By(() => request.ToChange()));
        request.User.Sid = "alice";
        Assert.Equal([("user.sid", ErrorReason.FieldInvalid)], Rejected.By(() => request.ToChange()));
    }

    [Fact]
    public void Webhooks_receive_a_change_unless_the_request_skips_them()
    {
        var creation = new V1.CreateUserRequest { ServiceSid = Sid, Identity = "alice" };
        var alice = new V1.User { ServiceSid = Sid, Identity = "alice" };
        var update = new V1.UpdateUserRequest { User = alice, UpdateMask = FieldMask.FromString("role_sid") };

        Assert.False(creation.ToChange().SkipsWebhooks);
        Assert.False(update.ToChange().SkipsWebhooks);
        (creation.SkipWebhooks, update.SkipWebhooks) = (true, true);
        Assert.True(creation.ToChange().SkipsWebhooks);
        Assert.True(update.ToChange().SkipsWebhooks);
        update.User.Sid = "US" + new string('1', 32);
        Assert.True(update.ToChange().SkipsWebhooks);
    }

    [Fact]
    public void Fields_that_the_mask_does_not_name_are_not_looked_at()
    {
        var request = new V1.UpdateUserRequest
        {
            User = new V1.User { ServiceSid = Sid, Identity = "alice", Attributes = "nonsense", RoleSid = "nonsense" },
            UpdateMask = new FieldMask { Paths = { "friendly_name" } },
        };
        Assert.Empty(Rejected.By(() => request.ToChange()));

        request.UpdateMask.Paths.Add("attributes");
        Assert.Equal([("user.attributes", ErrorReason.AttributesInvalid)], Rejected.By(() => request.ToChange()));
    }

    [Fact]
    public void Everything_that_is_wrong_with_a_push_binding_is_reported_at_once() => Assert.Equal(
        [
            ("service_sid", ErrorReason.FieldRequired),
            ("user_key", ErrorReason.FieldRequired),
            ("binding_type", ErrorReason.FieldRequired),
            ("endpoint", ErrorReason.FieldRequired),
        ],
        Rejected.By(() => new V1.SetPushBindingRequest().ToChange(byEndUser: false, out _)));
}
