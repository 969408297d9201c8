using Google.Protobuf.Reflection;
using GrpcPresence.Core.Domain;

namespace GrpcPresence.Server.Grpc.Wire;

/// <summary>
/// The only table of how many entries the repeated fields of requests may have on the wire. A request with a repeated field that has no
/// row prevents the server from starting.
/// </summary>
internal static class RepeatedLimits
{
    private static readonly Dictionary<string, int> Rows = new()
    {
        ["presence.v1.BatchGetUsersRequest.user_keys"] = Limits.BatchGetKeys,
        ["presence.v1.HeartbeatStreamBeats.beats"] = Limits.BeatsPerMessage,
        ["presence.v1.HeartbeatStreamEnds.ends"] = Limits.BeatsPerMessage,
        ["presence.v1.ListPushBindingsRequest.binding_types"] = Limits.ListedValues,
        ["presence.v1.ListPushBindingsRequest.user_keys"] = Limits.ListedBindingUsers,
        ["presence.v1.WatchUsersRequest.reasons"] = Limits.ListedValues,
        ["presence.v1.WatchUsersRequest.user_keys"] = Limits.WatchedKeys,
        ["presence.v1.WebhookConfiguration.filters"] = Limits.ListedValues,
        ["google.protobuf.FieldMask.paths"] = Limits.ListedValues,
    };

    /// <summary>Returns the maximum number of entries of the field.</summary>
    /// <exception cref="InvalidOperationException">The table has no row for the field.</exception>
    public static int Of(FieldDescriptor field) => Rows.TryGetValue(field.FullName, out var max)
        ? max
        : throw new InvalidOperationException($"The table of repeated fields has no row for {field.FullName}. Add one.");
}
