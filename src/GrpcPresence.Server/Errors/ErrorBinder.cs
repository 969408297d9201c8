using Grpc.Core;

namespace GrpcPresence.Server.Errors;

/// <summary>
/// Binds every method so that its errors are sent as the closed set of reasons has them. No handler makes a status of its own. It stands in the place
/// of an interceptor, for whose sake gRPC would make a scope of services at each call.
/// </summary>
internal sealed class ErrorBinder(ServiceBinderBase next, ErrorMapper errors) : ServiceBinderBase
{
    /// <inheritdoc/>
    public override void AddMethod<TRequest, TResponse>(Method<TRequest, TResponse> method, UnaryServerMethod<TRequest, TResponse>? handler)
    {
        next.AddMethod(method, Handle);

        Task<TResponse> Handle(TRequest request, ServerCallContext context)
        {
            try
            {
                var call = handler!(request, context);
                return call.IsCompletedSuccessfully ? call : MapAsync(call, context);
            }
            catch (Exception thrown)
            {
                throw errors.Map(thrown, context);
            }
        }
    }

    /// <inheritdoc/>
    public override void AddMethod<TRequest, TResponse>(
        Method<TRequest, TResponse> method, ClientStreamingServerMethod<TRequest, TResponse>? handler)
    {
        next.AddMethod(method, Handle);

        async Task<TResponse> Handle(IAsyncStreamReader<TRequest> requests, ServerCallContext context)
        {
            try
            {
                return await handler!(requests, context);
            }
            catch (Exception thrown)
            {
                throw errors.Map(thrown, context);
            }
        }
    }

    /// <inheritdoc/>
    public override void AddMethod<TRequest, TResponse>(
        Method<TRequest, TResponse> method, ServerStreamingServerMethod<TRequest, TResponse>? handler)
    {
        next.AddMethod(method, Handle);

        async Task Handle(TRequest request, IServerStreamWriter<TResponse> responses, ServerCallContext context)
        {
            try
            {
                await handler!(request, responses, context);
            }
            catch (Exception thrown)
            {
                throw errors.Map(thrown, context);
            }
        }
    }

    /// <inheritdoc/>
    public override void AddMethod<TRequest, TResponse>(
        Method<TRequest, TResponse> method, DuplexStreamingServerMethod<TRequest, TResponse>? handler)
    {
        next.AddMethod(method, Handle);

        async Task Handle(IAsyncStreamReader<TRequest> requests, IServerStreamWriter<TResponse> responses, ServerCallContext context)
        {
            try
            {
                await handler!(requests, responses, context);
            }
            catch (Exception thrown)
            {
                throw errors.Map(thrown, context);
            }
        }
    }

    private async Task<TResponse> MapAsync<TResponse>(Task<TResponse> call, ServerCallContext context)
    {
        try
        {
            return await call;
        }
        catch (Exception thrown)
        {
            throw errors.Map(thrown, context);
        }
    }
}
