using Grpc.Core;

namespace GrpcPresence.Server.Tests.Hostile;

/// <summary>What a call brought.</summary>
/// <param name="Messages">The messages that were read, as bytes.</param>
/// <param name="Error">Why it was refused; null when it was not.</param>
internal sealed record CallOutcome(IReadOnlyList<byte[]> Messages, RpcException? Error);
