using Grpc.Core;

namespace GrpcPresence.Server.Tests.Hostile;

/// <summary>The outcome of a call.</summary>
/// <param name="Messages">The received messages, as bytes.</param>
/// <param name="Error">The error of the call, or null.</param>
internal sealed record CallOutcome(IReadOnlyList<byte[]> Messages, RpcException? Error);
