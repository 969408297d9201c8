using Grpc.Core;

namespace GrpcPresence.Server.Tests.Fixture;

/// <summary>A method to which a test sends raw bytes.</summary>
internal static class RawMethod
{
    private static readonly Marshaller<byte[]> Bytes = Marshallers.Create(bytes => bytes, bytes => bytes);

    public static Method<byte[], byte[]> Of(MethodType type, string service, string name) => new(type, service, name, Bytes, Bytes);

    public static AsyncUnaryCall<byte[]> CallAsync(CallInvoker invoker, string service, string name, byte[] message) =>
        invoker.AsyncUnaryCall(Of(MethodType.Unary, service, name), null, default, message);
}
