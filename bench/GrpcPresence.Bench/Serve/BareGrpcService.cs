using Grpc.Core;
using GrpcPresence.Bench.Bare.V1;

namespace GrpcPresence.Bench.Serve;

/// <summary>Does nothing, in the two shapes that are compared.</summary>
internal sealed class BareGrpcService : BareService.BareServiceBase
{
    private static readonly Task<BareMessage> Nothing = Task.FromResult(new BareMessage());

    /// <inheritdoc/>
    public override Task<BareMessage> Answer(BareMessage request, ServerCallContext context) => Nothing;

    /// <inheritdoc/>
    public override async Task Idle(BareMessage request, IServerStreamWriter<BareMessage> responseStream, ServerCallContext context)
    {
        await responseStream.WriteAsync(Nothing.Result);
        var cancelled = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var registration = context.CancellationToken.Register(cancelled.SetResult);
        await cancelled.Task;
    }
}
