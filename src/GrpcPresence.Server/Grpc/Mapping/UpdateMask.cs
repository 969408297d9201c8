using Google.Protobuf.WellKnownTypes;
using GrpcPresence.Core.Domain.Errors;

namespace GrpcPresence.Server.Grpc.Mapping;

/// <summary>The fields of a message that a mask may name: those that clients write, and those that are read-only. Immutable.</summary>
/// <param name="writable">Fields that clients may change, in proto names.</param>
/// <param name="readOnly">All other fields of the message.</param>
internal sealed class UpdateMask(string[] writable, string[] readOnly)
{
    private const string Field = "update_mask";

    /// <summary>Fields that clients may change.</summary>
    public IReadOnlyList<string> Writable { get; } = writable;

    /// <summary>All other fields.</summary>
    public IReadOnlyList<string> ReadOnly { get; } = readOnly;

    /// <summary>The paths that the mask names; each that it must not name is a violation of its own.</summary>
    public IReadOnlySet<string> Read(FieldMask? mask, RequestReader reader)
    {
        if (mask is not { Paths.Count: > 0 })
            reader.Add(Field, ErrorReason.UpdateMaskRequired, "must name the fields to change");
        var paths = mask?.Paths ?? [];
        for (var i = 0; i < paths.Count; i++)
        {
            if (ReadOnly.Contains(paths[i]))
                reader.Add(PathAt(i), ErrorReason.UpdateMaskReadOnlyPath, "names a field that clients cannot change");
            else if (!Writable.Contains(paths[i]))
                reader.Add(PathAt(i), ErrorReason.UpdateMaskUnknownPath, "names no field");
        }
        return paths.ToHashSet();
    }

    private static string PathAt(int index) => $"{Field}.paths[{index}]";
}
