using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using GrpcPresence.Server.Grpc.Pipeline;
using GrpcPresence.Server.Security.Authorization;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;

namespace GrpcPresence.Server.Tests.Pipeline;

/// <summary>Public methods of every kind that the service uses. Each one runs the action of the test.</summary>
internal sealed class FaultMethod(Func<ServerCallContext, Task> act)
{
    private const string Service = "test.Faults";

    public static readonly Method<Empty, Empty> Unary = MethodOf(MethodType.Unary);
    public static readonly Method<Empty, Empty> ServerStreaming = MethodOf(MethodType.ServerStreaming);
    public static readonly Method<Empty, Empty> Duplex = MethodOf(MethodType.DuplexStreaming);

    public static IEnumerable<MethodType> Kinds => [MethodType.Unary, MethodType.ServerStreaming, MethodType.DuplexStreaming];

    public void Map(WebApplication app)
    {
        var pipeline = app.Services.GetRequiredService<MethodPipeline>();
        var rule = new AccessRule<Empty>(Service);
        var definition = ServerServiceDefinition.CreateBuilder()
            .AddMethod(Unary, (Empty request, ServerCallContext context) =>
                pipeline.RunUnaryAsync<Empty, Empty>(rule, (_, call) => ActAsync(call), request, context))
            .AddMethod(ServerStreaming, (Empty request, IServerStreamWriter<Empty> responses, ServerCallContext context) =>
                pipeline.RunServerStreamAsync<Empty, Empty>(rule, (_, _, call) => ActAsync(call), request, responses, context))
            .AddMethod(Duplex, (IAsyncStreamReader<Empty> requests, IServerStreamWriter<Empty> responses, ServerCallContext context) =>
                pipeline.RunDuplexAsync<Empty, Empty>(rule, (_, _, call) => ActAsync(call), requests, responses, context))
            .Build();
        app.MapGrpcService(_ => definition);
    }

    /// <summary>Calls the method of this kind, and waits until the call ends.</summary>
    public static async Task CallAsync(CallInvoker invoker, MethodType type, CancellationToken cancellationToken)
    {
        var options = new CallOptions(cancellationToken: cancellationToken);
        switch (type)
        {
            case MethodType.Unary:
                await invoker.AsyncUnaryCall(Unary, null, options, new Empty());
                break;
            case MethodType.ServerStreaming:
                await invoker.AsyncServerStreamingCall(ServerStreaming, null, options, new Empty()).ResponseStream.MoveNext(
                    cancellationToken);
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
