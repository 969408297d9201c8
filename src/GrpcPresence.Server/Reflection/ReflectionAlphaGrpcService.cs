using Google.Protobuf;
using Grpc.Core;
using Grpc.Reflection.V1Alpha;
using V1Request = Grpc.Reflection.V1.ServerReflectionRequest;
using V1Response = Grpc.Reflection.V1.ServerReflectionResponse;

namespace GrpcPresence.Server.Reflection;

/// <summary>
/// Implements server reflection v1alpha, which older clients use. Its messages have the same encoding as those of v1, so v1 answers.
/// </summary>
internal sealed class ReflectionAlphaGrpcService(ReflectionGrpcService v1) : ServerReflection.ServerReflectionBase
{
    /// <inheritdoc/>
    public override Task ServerReflectionInfo(
        IAsyncStreamReader<ServerReflectionRequest> requestStream,
        IServerStreamWriter<ServerReflectionResponse> responseStream,
        ServerCallContext context)
    {
        var converted = new ConvertedStreams(requestStream, responseStream);
        return v1.ServerReflectionInfo(converted, converted, context);
    }

    private sealed class ConvertedStreams(
        IAsyncStreamReader<ServerReflectionRequest> requests, IServerStreamWriter<ServerReflectionResponse> responses)
        : IAsyncStreamReader<V1Request>, IServerStreamWriter<V1Response>
    {
        public V1Request Current { get; private set; } = new();

        public WriteOptions? WriteOptions
        {
            get => responses.WriteOptions;
            set => responses.WriteOptions = value;
        }

        public async Task<bool> MoveNext(CancellationToken cancellationToken)
        {
            if (!await requests.MoveNext(cancellationToken))
                return false;
            Current = V1Request.Parser.ParseFrom(requests.Current.ToByteString());
            return true;
        }

        public Task WriteAsync(V1Response message) =>
            responses.WriteAsync(ServerReflectionResponse.Parser.ParseFrom(message.ToByteString()));
    }
}
