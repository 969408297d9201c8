using System.Text;
using Google.Protobuf;
using Grpc.Core;

namespace GrpcPresence.Server.Grpc.Pipeline;

/// <summary>
/// Makes a definition of a generated service in which a message that cannot be decoded is answered as the contract says. Without it gRPC answers
/// UNKNOWN, and logs a client's fault as the server's.
/// </summary>
internal sealed class DefinitionBinder : ServiceBinderBase
{
    private readonly ServerServiceDefinition.Builder _definition = ServerServiceDefinition.CreateBuilder();

    /// <summary>The definition of what <paramref name="bind"/> binds: a call of a generated <c>BindService</c>.</summary>
    public static ServerServiceDefinition Define(Action<ServiceBinderBase> bind)
    {
        var binder = new DefinitionBinder();
        bind(binder);
        return binder._definition.Build();
    }

    /// <inheritdoc/>
    public override void AddMethod<TRequest, TResponse>(Method<TRequest, TResponse> method, UnaryServerMethod<TRequest, TResponse>? handler) =>
        _definition.AddMethod(Refusing(method), handler!);

    /// <inheritdoc/>
    public override void AddMethod<TRequest, TResponse>(
        Method<TRequest, TResponse> method, ClientStreamingServerMethod<TRequest, TResponse>? handler) =>
        _definition.AddMethod(Refusing(method), handler!);

    /// <inheritdoc/>
    public override void AddMethod<TRequest, TResponse>(
        Method<TRequest, TResponse> method, ServerStreamingServerMethod<TRequest, TResponse>? handler) =>
        _definition.AddMethod(Refusing(method), handler!);

    /// <inheritdoc/>
    public override void AddMethod<TRequest, TResponse>(
        Method<TRequest, TResponse> method, DuplexStreamingServerMethod<TRequest, TResponse>? handler) =>
        _definition.AddMethod(Refusing(method), handler!);

    private static Method<TRequest, TResponse> Refusing<TRequest, TResponse>(Method<TRequest, TResponse> method)
        where TRequest : class
        where TResponse : class
    {
        var marshaller = method.RequestMarshaller;
        var refusing = new Marshaller<TRequest>(marshaller.ContextualSerializer, Deserialize);
        return new Method<TRequest, TResponse>(method.Type, method.ServiceName, method.Name, refusing, method.ResponseMarshaller);

        TRequest Deserialize(DeserializationContext context)
        {
            try
            {
                return marshaller.ContextualDeserializer(context);
            }
            catch (InvalidProtocolBufferException invalid) when (invalid.InnerException is DecoderFallbackException)
            {
                throw new RpcException(new Status(StatusCode.InvalidArgument, "A string field is not valid UTF-8."));
            }
            // Not InvalidProtocolBufferException alone: of a nested length of 2^31 - 1 the library's sum overflows, and it throws what comes of that.
#pragma warning disable CA1031 // decoding depends on nothing but the client's bytes
            catch (Exception)
#pragma warning restore CA1031
            {
                throw new RpcException(new Status(StatusCode.Internal, "The message cannot be decoded."));
            }
        }
    }
}
