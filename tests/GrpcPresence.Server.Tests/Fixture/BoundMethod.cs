using System.Buffers;
using Google.Protobuf;
using Google.Protobuf.Reflection;
using Grpc.AspNetCore.Server;
using Grpc.Core;
using GrpcPresence.Server.Security.Authorization;
using Microsoft.AspNetCore.Routing;

namespace GrpcPresence.Server.Tests.Fixture;

/// <summary>A method as the server has bound it to an endpoint, and the decoder of its requests.</summary>
internal sealed class BoundMethod
{
    private readonly Func<DeserializationContext, object> _decode;

    private BoundMethod(IMethod method, AccessRule rule)
    {
        (Path, Type, Rule) = (method.FullName, method.Type, rule);
        var marshaller = method.GetType().GetProperty(nameof(Method<,>.RequestMarshaller))!.GetValue(method)!;
        var decoder = (Delegate)marshaller.GetType().GetProperty(nameof(Marshaller<>.ContextualDeserializer))!.GetValue(marshaller)!;
        _decode = decoder.Method.ReturnType.IsValueType
            ? throw new InvalidOperationException($"{Path} has no message.")
            : decoder.GetType().GetMethod("Invoke")!.CreateDelegate<Func<DeserializationContext, object>>(decoder);
        var request = method.GetType().GetGenericArguments()[0];
        Request = ((IMessage)Activator.CreateInstance(request)!).Descriptor;
    }

    public string Path { get; }

    public MethodType Type { get; }

    public AccessRule Rule { get; }

    public MessageDescriptor Request { get; }

    /// <summary>Returns every method that the server has bound.</summary>
    public static IReadOnlyList<BoundMethod> AllOf(TestServer server)
    {
        var all = server.Get<EndpointDataSource>().Endpoints
            .Where(endpoint => endpoint.Metadata.GetMetadata<GrpcMethodMetadata>() is not null)
            .Select(endpoint => new BoundMethod(
                endpoint.Metadata.GetMetadata<GrpcMethodMetadata>()!.Method, endpoint.Metadata.GetMetadata<AccessRule>()!))
            .ToArray();
        Assert.Equal(AuthorizationTable.All.Select(rule => rule.Method).Order(), all.Select(method => method.Path).Order());
        return all;
    }

    /// <summary>Decodes a request.</summary>
    public IMessage Decode(byte[] request) => (IMessage)_decode(new Payload(request));

    private sealed class Payload(byte[] bytes) : DeserializationContext
    {
        public override int PayloadLength => bytes.Length;

        public override byte[] PayloadAsNewBuffer() => [.. bytes];

        public override ReadOnlySequence<byte> PayloadAsReadOnlySequence() => new(bytes);
    }
}
