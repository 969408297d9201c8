using Google.Protobuf;
using Grpc.Core;
using Grpc.Reflection.V1Alpha;

namespace GrpcPresence.Server.Reflection;

/// <summary>Server reflection, v1alpha, which older clients ask for. Its messages have the same bytes as those of v1.</summary>
internal sealed class ReflectionAlphaGrpcService(ReflectionAnswers answers) : ServerReflection.ServerReflectionBase
{
    /// <inheritdoc/>
    public override async Task ServerReflectionInfo(
        IAsyncStreamReader<ServerReflectionRequest> requestStream,
        IServerStreamWriter<ServerReflectionResponse> responseStream,
        ServerCallContext context)
    {
        await foreach (var request in requestStream.ReadAllAsync(context.CancellationToken))
        {
            var answer = answers.Answer(Grpc.Reflection.V1.ServerReflectionRequest.Parser.ParseFrom(request.ToByteString()));
            await responseStream.WriteAsync(ServerReflectionResponse.Parser.ParseFrom(answer.ToByteString()));
        }
    }
}
