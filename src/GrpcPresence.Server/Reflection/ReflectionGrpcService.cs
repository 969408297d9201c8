using Grpc.Core;
using Grpc.Reflection;
using Grpc.Reflection.V1;

namespace GrpcPresence.Server.Reflection;

/// <summary>Implements server reflection v1: the service of Grpc.Reflection behind a <see cref="ReflectionExchange"/>.</summary>
internal sealed class ReflectionGrpcService(ReflectionSymbols symbols, IEnumerable<string> serviceNames)
    : ServerReflection.ServerReflectionBase
{
    private readonly ReflectionV1ServiceImpl _library = new(serviceNames, symbols.Registry);

    /// <inheritdoc/>
    public override Task ServerReflectionInfo(
        IAsyncStreamReader<ServerReflectionRequest> requestStream,
        IServerStreamWriter<ServerReflectionResponse> responseStream,
        ServerCallContext context)
    {
        var exchange = new ReflectionExchange(requestStream, responseStream, symbols, context.CancellationToken);
        return _library.ServerReflectionInfo(exchange, exchange, context);
    }
}
