using Grpc.Core;
using Grpc.Reflection.V1;

namespace GrpcPresence.Server.Reflection;

/// <summary>Server reflection, v1.</summary>
internal sealed class ReflectionGrpcService(ReflectionAnswers answers) : ServerReflection.ServerReflectionBase
{
    /// <inheritdoc/>
    public override async Task ServerReflectionInfo(
        IAsyncStreamReader<ServerReflectionRequest> requestStream,
        IServerStreamWriter<ServerReflectionResponse> responseStream,
        ServerCallContext context)
    {
        await foreach (var request in requestStream.ReadAllAsync(context.CancellationToken))
            await responseStream.WriteAsync(answers.Answer(request));
    }
}
