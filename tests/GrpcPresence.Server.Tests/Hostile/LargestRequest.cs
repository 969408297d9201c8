using Google.Protobuf;
using Google.Protobuf.Reflection;
using GrpcPresence.Core.Domain;
using GrpcPresence.Server.Grpc.Wire;

namespace GrpcPresence.Server.Tests.Hostile;

/// <summary>Computes the size of the largest valid request, from the documented limits of its fields.</summary>
internal static class LargestRequest
{
    private const int SidBytes = 34;

    // Opaque tokens, and names of probes and tools. The longest that the server creates, or that this server knows, are shorter.
    private const int TokenBytes = 512;
    private const int NameBytes = 512;

    private static readonly Dictionary<string, int> TextBytes = new()
    {
        ["sid"] = SidBytes,
        ["service_sid"] = SidBytes,
        ["user_sid"] = SidBytes,
        ["role_sid"] = SidBytes,
        ["push_binding_sid"] = SidBytes,
        ["api_key_sid"] = SidBytes,
        ["default_service_role_sid"] = SidBytes,
        ["default_conversation_role_sid"] = SidBytes,
        ["default_conversation_creator_role_sid"] = SidBytes,
        ["identity"] = Limits.IdentityBytes,
        ["user_key"] = Limits.IdentityBytes,
        ["user_keys"] = Limits.IdentityBytes,
        ["session_id"] = Limits.SessionIdLength,
        ["friendly_name"] = Limits.FriendlyNameBytes,
        ["attributes"] = Limits.AttributesBytes,
        ["endpoint"] = Limits.EndpointBytes,
        ["certificate_name"] = Limits.CertificateNameBytes,
        ["pre_webhook_url"] = Limits.WebhookUrlBytes,
        ["post_webhook_url"] = Limits.WebhookUrlBytes,
        ["filters"] = Limits.WebhookEventLength,
        ["template"] = Limits.NotificationTemplateBytes,
        ["sound"] = Limits.NotificationSoundBytes,
        ["paths"] = Limits.WebhookEventLength,
        ["etag"] = TokenBytes,
        ["page_token"] = TokenBytes,
        ["resume_token"] = TokenBytes,
        ["service"] = NameBytes,
        ["host"] = NameBytes,
        ["file_by_filename"] = NameBytes,
        ["file_containing_symbol"] = NameBytes,
        ["containing_type"] = NameBytes,
        ["list_services"] = NameBytes,
        ["all_extension_numbers_of_type"] = NameBytes,
    };

    /// <summary>Returns the bytes of the largest valid message of the type.</summary>
    public static int SizeOf(MessageDescriptor type) => type.Fields.InFieldNumberOrder()
        .GroupBy(field => field.RealContainingOneof?.Name ?? field.Name)
        .Sum(choice => choice.Max(SizeOf));

    private static int SizeOf(FieldDescriptor field)
    {
        var one = field.FieldType switch
        {
            FieldType.Message => Delimited(SizeOf(field.MessageType)),
            // The documentation of heartbeat streams promises room for identities of 950 bytes.
            FieldType.String when field.FullName == "presence.v1.SessionBeat.user_key" => Delimited(950),
            FieldType.String => Delimited(TextBytes[field.Name]),
            FieldType.Bytes => Delimited(NameBytes),
            _ => 10,
        };
        return (field.IsRepeated ? RepeatedLimits.Of(field) : 1) * (CodedOutputStream.ComputeTagSize(field.FieldNumber) + one);
    }

    private static int Delimited(int bytes) => CodedOutputStream.ComputeLengthSize(bytes) + bytes;
}
