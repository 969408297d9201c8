using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using GrpcPresence.Server.Errors;
using GrpcPresence.Server.Grpc.Pipeline;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;

namespace GrpcPresence.Server.Tests.Pipeline;

/// <summary>Methods of every kind that do what a test says.</summary>
internal sealed class FaultMethod(Func<ServerCallContext, Task> act)
{
    private const string Service = "test.Faults";

    public static readonly Method<Empty, Empty> Unary = MethodOf(MethodType.Unary);
    public static readonly Method<Empty, Empty> ClientStreaming = MethodOf(MethodType.ClientStreaming);
    public static readonly Method<Empty, Empty> ServerStreaming = MethodOf(MethodType.ServerStreaming);
    public static readonly Method<Empty, Empty> Duplex = MethodOf(MethodType.DuplexStreaming);

    public void Map(WebApplication app)
    {
        var definition = DefinitionBinder.Define(binder => Bind(new ErrorBinder(binder, app.Services.GetRequiredService<ErrorMapper>())));
        app.MapGrpcService(_ => definition);
    }

    private void Bind(ServiceBinderBase binder)
    {
        binder.AddMethod(Unary, (Empty request, ServerCallContext context) => ActAsync(context));
        binder.AddMethod(ClientStreaming, (IAsyncStreamReader<Empty> requests, ServerCallContext context) => ActAsync(context));
        binder.AddMethod(ServerStreaming, (Empty request, IServerStreamWriter<Empty> responses, ServerCallContext context) => ActAsync(context));
        binder.AddMethod(
            Duplex,
            (IAsyncStreamReader<Empty> requests, IServerStreamWriter<Empty> responses, ServerCallContext context) => ActAsync(context));
    }

    /// <summary>Calls the method of the kind and waits for its end.</summary>
    public static async Task CallAsync(CallInvoker invoker, MethodType type, CancellationToken cancellationToken)
    {
        var options = new CallOptions(cancellationToken: cancellationToken);
        switch (type)
        {
            case MethodType.Unary:
                await invoker.AsyncUnaryCall(Unary, null, options, new Empty());
                break;
            case MethodType.ClientStreaming:
                await invoker.AsyncClientStreamingCall(ClientStreaming, null, options);
                break;
            case MethodType.ServerStreaming:
                await invoker.AsyncServerStreamingCall(ServerStreaming, null, options, new Empty()).ResponseStream.MoveNext(cancellationToken);
                break;
            default:
                await invoker.AsyncDuplexStreamingCall(Duplex, null, options).ResponseStream.MoveNext(cancellationToken);
                break;
        }
    }

    private static Method<Empty, Empty> MethodOf(MethodType type)
    {
        var marshaller = Marshallers.Create(message => message.ToByteArray(), Empty.Parser.ParseFrom);
        return new Method<Empty, Empty>(type, Service, type.ToString(), marshaller, marshaller);
    }

    private async Task<Empty> ActAsync(ServerCallContext context)
    {
        await act(context);
        return new Empty();
    }
}
