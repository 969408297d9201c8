namespace GrpcPresence.Server.Grpc.Mapping;

/// <summary>The edge of a page in its list, by the store's ascending key.</summary>
/// <param name="Id">The key of the entry that precedes the page or, backwards, that follows it. 0 is the beginning of the list.</param>
/// <param name="IsBackwards">Whether the page consists of the last entries before that key.</param>
internal readonly record struct PagePosition(long Id, bool IsBackwards = false);
