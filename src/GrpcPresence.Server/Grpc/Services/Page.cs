using Google.Protobuf;
using GrpcPresence.Core.Domain;
using GrpcPresence.Server.Grpc.Mapping;

namespace GrpcPresence.Server.Grpc.Services;

/// <summary>
/// One page of a list, in ascending order. A page that is not the last may be short, or even empty: the read stopped at a limit. A token
/// names a key, not a number of entries, so that neither direction repeats or omits an entry when others are added or deleted.
/// </summary>
/// <typeparam name="TMessage">The type of the entries.</typeparam>
/// <param name="Entries">The entries of the page.</param>
/// <param name="NextToken">The token of the next page; empty after the last page.</param>
/// <param name="PreviousToken">The token of the previous page; empty before the first page.</param>
internal readonly record struct Page<TMessage>(IReadOnlyList<TMessage> Entries, string NextToken, string PreviousToken)
    where TMessage : IMessage
{
    // The tag and the length of an entry.
    private const int EntryOverhead = 5;

    /// <summary>Creates a page of a list that was read with one entry more than requested, so that the last page has no token.</summary>
    public static Page<TMessage> Cut<T>(
        IReadOnlyList<T> read, int size, PageList list, PagePosition position, Func<T, long> idOf, Func<T, TMessage> toMessage) =>
        Cut([.. read.Take(size)], read.Count > size ? idOf(read[size - 1]) : null, list, position, idOf, toMessage);

    /// <summary>Creates a page of at most about <see cref="Limits.PageBytes"/> bytes.</summary>
    /// <param name="read">The entries from the position on, away from it.</param>
    /// <param name="next">The key of the last entry that was examined; null if no further one follows.</param>
    /// <param name="list">The list.</param>
    /// <param name="position">The position that was read.</param>
    /// <param name="idOf">Returns the store's key of an entry.</param>
    /// <param name="toMessage">Converts an entry.</param>
    public static Page<TMessage> Cut<T>(
        IReadOnlyList<T> read, long? next, PageList list, PagePosition position, Func<T, long> idOf, Func<T, TMessage> toMessage)
    {
        var entries = new List<TMessage>();
        var bytes = 0;
        foreach (var entry in read)
        {
            var message = toMessage(entry);
            bytes += message.CalculateSize() + EntryOverhead;
            if (entries.Count > 0 && bytes > Limits.PageBytes)
                break;
            entries.Add(message);
        }
        var last = entries.Count == read.Count ? next : idOf(read[entries.Count - 1]);
        var rest = last is { } id ? Token(id, position.IsBackwards) : "";
        if (!position.IsBackwards)
            return new Page<TMessage>(entries, rest, position.Id == 0 ? "" : Token(position.Id + 1, isBackwards: true));
        entries.Reverse();
        return new Page<TMessage>(entries, Token(position.Id - 1, isBackwards: false), rest);

        string Token(long at, bool isBackwards) => PageToken.Write(list, new PagePosition(at, isBackwards));
    }
}
