using Microsoft.AspNetCore.Http.Features;

namespace GrpcPresence.Server.Grpc.Wire;

/// <summary>
/// Replaces the body that gRPC reads with a <see cref="RequestBody"/>. This is a middleware because gRPC reads a unary request before it
/// calls the method.
/// </summary>
internal sealed class RequestBodyMiddleware(RequestDelegate next, TimeProvider time)
{
    /// <summary>Replaces the body of the request.</summary>
    public Task InvokeAsync(HttpContext context)
    {
        context.Features.Set<IRequestBodyPipeFeature>(new RequestBody(context.Request.BodyReader, context, time));
        return next(context);
    }
}
