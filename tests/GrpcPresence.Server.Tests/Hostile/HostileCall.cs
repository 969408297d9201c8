using Google.Protobuf.Reflection;
using Grpc.Core;
using GrpcPresence.Server.Tests.Fixture;
using Barrier = GrpcPresence.Server.Tests.Fixture.Barrier;

namespace GrpcPresence.Server.Tests.Hostile;

/// <summary>Calls a method with raw bytes.</summary>
internal static class HostileCall
{
    /// <summary>The number of messages to read from an endless stream before the client leaves. A watch always sends two.</summary>
    private const int MessagesToRead = 2;

    // One object per method, because channels remember each method object that they have seen.
    private static readonly Dictionary<string, Method<byte[], byte[]>> Methods = HostileRequest.Methods.ToDictionary(
        method => method.FullName, method => RawMethod.Of(TypeOf(method), method.Service.FullName, method.Name));

    /// <summary>Calls the method. Only a stream of requests accepts a number of requests other than one.</summary>
    public static async Task<CallOutcome> RunAsync(CallInvoker invoker, MethodDescriptor method, IReadOnlyList<byte[]> requests)
    {
        var outcome = RunAnyAsync(invoker, method, requests);
        await Barrier.Within(outcome, $"{method.FullName} answered");
        return await outcome;
    }

    private static async Task<CallOutcome> RunAnyAsync(CallInvoker invoker, MethodDescriptor method, IReadOnlyList<byte[]> requests)
    {
        var messages = new List<byte[]>();
        try
        {
            if (method.IsClientStreaming)
                await ConverseAsync(invoker, method, requests, messages);
            else if (method.IsServerStreaming)
                await ListenAsync(invoker, method, requests.Single(), messages);
            else
                messages.Add(await invoker.AsyncUnaryCall(Methods[method.FullName], null, default, requests.Single()));
            return new CallOutcome(messages, null);
        }
        catch (RpcException error)
        {
            return new CallOutcome(messages, error);
        }
    }

    private static async Task ListenAsync(CallInvoker invoker, MethodDescriptor method, byte[] request, List<byte[]> messages)
    {
        using var call = invoker.AsyncServerStreamingCall(Methods[method.FullName], null, default, request);
        var max = method.Service.FullName.StartsWith("presence.", StringComparison.Ordinal) ? MessagesToRead : 1;
        while (messages.Count < max && await call.ResponseStream.MoveNext(CancellationToken.None))
            messages.Add(call.ResponseStream.Current);
    }

    private static async Task ConverseAsync(
        CallInvoker invoker, MethodDescriptor method, IReadOnlyList<byte[]> requests, List<byte[]> messages)
    {
        using var call = invoker.AsyncDuplexStreamingCall(Methods[method.FullName], null, default);
        var sending = SendAsync(call.RequestStream, requests);
        try
        {
            while (await call.ResponseStream.MoveNext(CancellationToken.None))
                messages.Add(call.ResponseStream.Current);
        }
        finally
        {
            await sending;
        }
    }

    private static async Task SendAsync(IClientStreamWriter<byte[]> stream, IReadOnlyList<byte[]> requests)
    {
        try
        {
            foreach (var request in requests)
                await stream.WriteAsync(request);
            await stream.CompleteAsync();
        }
        catch (Exception ended) when (ended is RpcException or InvalidOperationException)
        {
            // The server rejected a message before all were sent. The next read reports why.
        }
    }

    private static MethodType TypeOf(MethodDescriptor method) => (method.IsClientStreaming, method.IsServerStreaming) switch
    {
        (false, false) => MethodType.Unary,
        (false, true) => MethodType.ServerStreaming,
        (true, false) => MethodType.ClientStreaming,
        _ => MethodType.DuplexStreaming,
    };
}
