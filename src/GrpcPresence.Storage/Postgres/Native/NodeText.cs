using System.Globalization;
using GrpcPresence.Core.Domain.Cluster;

namespace GrpcPresence.Storage.Postgres.Native;

/// <summary>
/// Runs of nodes as arrays of the schema name them: the incarnation, a colon, and the name, which may contain any character.
/// </summary>
internal static class NodeText
{
    /// <summary>Returns the stored form of a run.</summary>
    public static string Of(NodeId node) => string.Create(CultureInfo.InvariantCulture, $"{node.Incarnation}:{node.Name}");

    /// <summary>Returns the run of the stored form.</summary>
    public static NodeId Read(string text)
    {
        var colon = text.IndexOf(':', StringComparison.Ordinal);
        return new NodeId(text[(colon + 1)..], long.Parse(text.AsSpan(0, colon), CultureInfo.InvariantCulture));
    }
}
