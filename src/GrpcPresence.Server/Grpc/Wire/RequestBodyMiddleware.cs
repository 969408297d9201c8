using Microsoft.AspNetCore.Http.Features;

namespace GrpcPresence.Server.Grpc.Wire;

/// <summary>
/// Gives gRPC a <see cref="RequestBody"/> to read. A middleware, because gRPC reads a unary request before it calls the method.
/// </summary>
internal sealed class RequestBodyMiddleware(RequestDelegate next)
{
    /// <summary>Runs the request.</summary>
    public Task InvokeAsync(HttpContext context)
    {
        context.Features.Set<IRequestBodyPipeFeature>(new RequestBody(context.Request.BodyReader, GrpcWebMiddleware.IsText(context)));
        return next(context);
    }
}
