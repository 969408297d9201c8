using Grpc.Core;
using Grpc.Core.Interceptors;
using GrpcPresence.Server.Errors;
using GrpcPresence.Server.Grpc.Pipeline;

namespace GrpcPresence.MicroBench.Calls;

/// <summary>Does for unary calls what <see cref="ErrorBinder"/> does, as gRPC's own means for it.</summary>
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
