using GrpcPresence.Server.Grpc.Mapping;

namespace GrpcPresence.Server.Grpc.Services;

/// <summary>One page of a list. The caller reads one entry more than requested, so that the last page has no token.</summary>
/// <typeparam name="T">The type of the entries.</typeparam>
/// <param name="Entries">The entries of the page.</param>
/// <param name="NextToken">The token of the next page; empty after the last page.</param>
internal readonly record struct Page<T>(IReadOnlyList<T> Entries, string NextToken)
{
    /// <summary>Creates a page of <paramref name="size"/> entries from a read with a limit of one more.</summary>
    public static Page<T> Cut(IReadOnlyList<T> read, int size, PageList list, Func<T, long> idOf) => read.Count > size
        ? new Page<T>([.. read.Take(size)], PageToken.Write(list, idOf(read[size - 1])))
        : new Page<T>(read, "");
}
