using Google.Protobuf;
using Grpc.Core;
using GrpcPresence.Server.Security;
using GrpcPresence.Server.Security.Authorization;

namespace GrpcPresence.Server.Grpc.Forwarding;

/// <summary>
/// The methods that this node runs as the owner, for callers that the ingress has authenticated, authorized and charged: nothing but their
/// handlers. Filled before the server starts; safe from any thread then.
/// </summary>
internal sealed class OwnedMethods
{
    private readonly Dictionary<string, Run> _methods = [];

    /// <summary>Runs a method.</summary>
    private delegate Task<IMessage> Run(ReadOnlyMemory<byte> request, CallScope scope, ServerCallContext context);

    /// <summary>Adds a method.</summary>
    public void Add<TRequest, TResponse>(AccessRule<TRequest> rule, UnaryServerMethod<TRequest, TResponse> handler)
        where TRequest : class
        where TResponse : class
    {
        // Unknown fields have no effect, as at the ingress. An ingress of a later version may send some.
        var type = ((IMessage)Activator.CreateInstance<TRequest>()).Descriptor;
        var parser = type.Parser.WithDiscardUnknownFields(discardUnknownFields: true);
        _methods.Add(rule.Method, RunAsync);

        async Task<IMessage> RunAsync(ReadOnlyMemory<byte> bytes, CallScope scope, ServerCallContext context)
        {
            var request = (TRequest)parser.ParseFrom(bytes.Span);
            scope.Read(rule, request);
            return (IMessage)await handler(request, context);
        }
    }

    /// <summary>Runs a method, and returns its response.</summary>
    /// <exception cref="InvalidOperationException">This version of the program has no such method, or runs it at the ingress.</exception>
    public Task<IMessage> RunAsync(string method, ReadOnlyMemory<byte> request, CallScope scope, ServerCallContext context) =>
        _methods.TryGetValue(method, out var run)
            ? run(request, scope, context)
            : throw new InvalidOperationException($"A node has forwarded {method}, which this version does not run for others.");
}
