using Grpc.Core;
using Grpc.Core.Interceptors;
using GrpcPresence.Server.Errors;

namespace GrpcPresence.MicroBench.Calls;

/// <summary>Maps the errors of unary calls, as the pipeline does, by gRPC's own means.</summary>
internal sealed class ErrorInterceptor(ErrorMapper errors) : Interceptor
{
    /// <inheritdoc/>
    public override async Task<TResponse> UnaryServerHandler<TRequest, TResponse>(
        TRequest request, ServerCallContext context, UnaryServerMethod<TRequest, TResponse> continuation)
    {
        try
        {
            return await continuation(request, context);
        }
        catch (Exception thrown)
        {
            throw errors.Map(thrown, context);
        }
    }
}
