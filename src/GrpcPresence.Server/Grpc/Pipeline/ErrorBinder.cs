using Grpc.Core;
using GrpcPresence.Server.Errors;

namespace GrpcPresence.Server.Grpc.Pipeline;

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

        Task<TResponse> Handle(IAsyncStreamReader<TRequest> requests, ServerCallContext context)
        {
            try
            {
                return MapAsync(handler!(requests, context), context);
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

        // The request is not kept for as long as the stream lasts.
        Task Handle(TRequest request, IServerStreamWriter<TResponse> responses, ServerCallContext context)
        {
            try
            {
                return MapAsync(handler!(request, responses, context), context);
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

        Task Handle(IAsyncStreamReader<TRequest> requests, IServerStreamWriter<TResponse> responses, ServerCallContext context)
        {
            try
            {
                return MapAsync(handler!(requests, responses, context), context);
            }
            catch (Exception thrown)
            {
                throw errors.Map(thrown, context);
            }
        }
    }

    private async Task MapAsync(Task call, ServerCallContext context)
    {
        try
        {
            await call;
        }
        catch (Exception thrown)
        {
            throw errors.Map(thrown, context);
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
