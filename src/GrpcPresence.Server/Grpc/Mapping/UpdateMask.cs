using Google.Protobuf.WellKnownTypes;
using GrpcPresence.Core.Domain.Errors;

namespace GrpcPresence.Server.Grpc.Mapping;

/// <summary>The fields of a message that a mask may name: writable fields, and read-only fields. Immutable.</summary>
/// <param name="writable">The fields that clients may change, in proto names.</param>
/// <param name="readOnly">All other fields of the message.</param>
internal sealed class UpdateMask(string[] writable, string[] readOnly)
{
    private const string Field = "update_mask";

    /// <summary>The fields that clients may change.</summary>
    public IReadOnlyList<string> Writable { get; } = writable;

    /// <summary>All other fields of the message.</summary>
    public IReadOnlyList<string> ReadOnly { get; } = readOnly;

    /// <summary>Returns the paths that the mask names. Each invalid path is a separate violation.</summary>
    public IReadOnlySet<string> Read(FieldMask? mask, RequestReader reader)
    {
        if (mask is not { Paths.Count: > 0 })
            reader.Add(Field, ErrorReason.UpdateMaskRequired, "must name the fields to change");
        var paths = mask?.Paths ?? [];
        for (var i = 0; i < paths.Count; i++)
        {
            if (ReadOnly.Contains(paths[i]))
                reader.Add(PathAt(i), ErrorReason.UpdateMaskReadOnlyPath, "names a read-only field; remove it from the mask");
            else if (!Writable.Contains(paths[i]))
                reader.Add(PathAt(i), ErrorReason.UpdateMaskUnknownPath, "names an unknown field");
        }
        return paths.ToHashSet();
    }

    private static string PathAt(int index) => $"{Field}.paths[{index}]";
}
