using Google.Protobuf.Reflection;
using Google.Protobuf.WellKnownTypes;
using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Server.Grpc.Mapping;
using GrpcPresence.Server.Grpc.Services;

namespace GrpcPresence.Server.Tests.Mapping;

public sealed class UpdateMaskTests
{
    [Fact]
    public void A_mask_names_at_least_one_field()
    {
        Assert.Equal([("update_mask", ErrorReason.UpdateMaskRequired)], Rejected.By(reader => UpdateMasks.User.Read(null, reader)));
        Assert.Equal(
            [("update_mask", ErrorReason.UpdateMaskRequired)],
            Rejected.By(reader => UpdateMasks.User.Read(new FieldMask(), reader)));
    }

    [Fact]
    public void Each_path_at_fault_is_a_violation_of_its_own() => Assert.Equal(
        [
            ("update_mask.paths[1]", ErrorReason.UpdateMaskReadOnlyPath),
            ("update_mask.paths[2]", ErrorReason.UpdateMaskUnknownPath),
            ("update_mask.paths[3]", ErrorReason.UpdateMaskUnknownPath),
            ("update_mask.paths[4]", ErrorReason.UpdateMaskUnknownPath),
        ],
        Rejected.By(reader => UpdateMasks.User.Read(MaskOf("attributes", "is_online", "nonsense", "*", "attributes.a"), reader)));

    [Fact]
    public void A_path_may_be_named_twice()
    {
        var reader = new RequestReader();

        Assert.Equal(["attributes"], UpdateMasks.User.Read(MaskOf("attributes", "attributes"), reader));
        reader.ThrowIfInvalid();
    }

    [Fact]
    public void A_mask_knows_every_field_of_its_message()
    {
        AssertComplete(V1.User.Descriptor, UpdateMasks.User);
        AssertComplete(V1.Configuration.Descriptor, UpdateMasks.Configuration);
        AssertComplete(V1.ServiceInstance.Descriptor, UpdateMasks.ServiceInstance);
        AssertComplete(V1.WebhookConfiguration.Descriptor, UpdateMasks.WebhookConfiguration);
        AssertComplete(V1.NotificationConfiguration.Descriptor, UpdateMasks.NotificationConfiguration);
    }

    private static void AssertComplete(MessageDescriptor message, UpdateMask mask) => Assert.Equal(
        PathsOf(message).Order(),
        mask.Writable.Concat(mask.ReadOnly).Order());

    // A message of another package, such as a timestamp, is one value.
    private static IEnumerable<string> PathsOf(MessageDescriptor message) => message.Fields.InDeclarationOrder().SelectMany(field =>
        field.FieldType == FieldType.Message && field.MessageType.File.Package == message.File.Package
            ? PathsOf(field.MessageType).Select(path => $"{field.Name}.{path}").Prepend(field.Name)
            : [field.Name]);

    private static FieldMask MaskOf(params string[] paths) => new() { Paths = { paths } };
}
