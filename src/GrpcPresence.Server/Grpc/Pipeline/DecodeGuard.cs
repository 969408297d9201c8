using System.Text;
using Grpc.Core;

namespace GrpcPresence.Server.Grpc.Pipeline;

/// <summary>
/// Answers a message that cannot be decoded as the contract says. Without it gRPC answers UNKNOWN, and logs a client's mistake as a fault
/// of the server.
/// </summary>
internal static class DecodeGuard
{
    /// <summary>The method with a guarded decoder.</summary>
    public static Method<TRequest, TResponse> Guard<TRequest, TResponse>(Method<TRequest, TResponse> method)
        where TRequest : class
        where TResponse : class
    {
        var (encode, decode) = (method.RequestMarshaller.ContextualSerializer, method.RequestMarshaller.ContextualDeserializer);
        var guarded = new Marshaller<TRequest>(encode, Decode);
        return new Method<TRequest, TResponse>(method.Type, method.ServiceName, method.Name, guarded, method.ResponseMarshaller);

        TRequest Decode(DeserializationContext context)
        {
            try
            {
                return decode(context);
            }
            catch (Exception exception) when ((exception.InnerException ?? exception) is DecoderFallbackException)
            {
                throw new RpcException(new Status(StatusCode.InvalidArgument, "A string field is not valid UTF-8."));
            }
            // Not InvalidProtocolBufferException alone: a nested length of 2^31 - 1 overflows a sum in the library, which then throws other
            // exceptions.
#pragma warning disable CA1031 // decoding depends on nothing but the client's bytes
            catch (Exception)
#pragma warning restore CA1031
            {
                throw new RpcException(new Status(StatusCode.Internal, "The message cannot be decoded."));
            }
        }
    }
}
