using GrpcPresence.Core.Domain;

namespace GrpcPresence.Core.Storage;

/// <summary>What a read costs, in rows: one for each row that was examined or looked for, and more for a large one.</summary>
public static class StoreCost
{
    /// <summary>Returns the cost of a row with this many bytes of text.</summary>
    public static int OfRow(int bytes) => 1 + (bytes / Limits.RowUnitBytes);
}
