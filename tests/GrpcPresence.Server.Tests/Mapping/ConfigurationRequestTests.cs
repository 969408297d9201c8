using Google.Protobuf.WellKnownTypes;
using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Server.Grpc.Services;

namespace GrpcPresence.Server.Tests.Mapping;

public sealed class ConfigurationRequestTests
{
    [Fact]
    public void Everything_that_is_wrong_is_reported_at_once()
    {
        var request = new V1.UpdateConfigurationRequest
        {
            Configuration = new V1.Configuration
            {
                ServiceSid = "nonsense",
                HeartbeatInterval = new Duration { Nanos = 1 },
                SessionTimeout = new Duration { Seconds = 86_401 },
                OfflineDebounce = new Duration { Seconds = 31 },
                DefaultServiceRoleSid = "RL1",
                DefaultConversationRoleSid = "RL2",
                DefaultConversationCreatorRoleSid = "RL3",
            },
            UpdateMask = new FieldMask { Paths = { "etag", "nonsense" } },
        };
        request.UpdateMask.Paths.Add(UpdateMasks.Configuration.Writable);

        Assert.Equal(
            new Dictionary<string, ErrorReason>
            {
                ["update_mask.paths[0]"] = ErrorReason.UpdateMaskReadOnlyPath,
                ["update_mask.paths[1]"] = ErrorReason.UpdateMaskUnknownPath,
                ["configuration.service_sid"] = ErrorReason.FieldInvalid,
                ["configuration.heartbeat_interval"] = ErrorReason.FieldOutOfRange,
                ["configuration.session_timeout"] = ErrorReason.FieldOutOfRange,
                ["configuration.offline_debounce"] = ErrorReason.FieldOutOfRange,
                ["configuration.default_service_role_sid"] = ErrorReason.FieldInvalid,
                ["configuration.default_conversation_role_sid"] = ErrorReason.FieldInvalid,
                ["configuration.default_conversation_creator_role_sid"] = ErrorReason.FieldInvalid,
            },
            Rejected.By(() => request.ToChange(out _)).ToDictionary(violation => violation.Field, violation => violation.Reason));
    }

    [Fact]
    public void A_message_that_is_absent_is_one_violation()
    {
        Assert.Equal(
            [("update_mask", ErrorReason.UpdateMaskRequired), ("configuration", ErrorReason.FieldRequired)],
            Rejected.By(() => new V1.UpdateConfigurationRequest().ToChange(out _)));
        Assert.Equal(
            [("update_mask", ErrorReason.UpdateMaskRequired), ("service_instance", ErrorReason.FieldRequired)],
            Rejected.By(() => new V1.UpdateServiceInstanceRequest().ToChange()));
    }
}
