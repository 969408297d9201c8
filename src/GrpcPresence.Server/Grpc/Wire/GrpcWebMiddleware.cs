using Grpc.AspNetCore.Server;
using Grpc.Core;
using GrpcPresence.Server.Grpc.Pipeline;
using GrpcPresence.Server.Security;
using GrpcPresence.Server.Settings;
using GrpcPresence.Server.Streams.Requests;
using Microsoft.AspNetCore.Http.Features;

namespace GrpcPresence.Server.Grpc.Wire;

/// <summary>
/// Rejects gRPC-Web calls that must not or cannot run, before Grpc.AspNetCore.Web translates the others. gRPC-Web is gRPC for browsers: a
/// call is an ordinary HTTP request, and the end of the response body contains its trailers.
/// </summary>
internal sealed class GrpcWebMiddleware(RequestDelegate next, ServerSettings settings)
{
    private const string TextContentType = GrpcContentType.GrpcWeb + "-text";
    private const string ForeignOrigin = "The origin of this page is not allowed. Add it to AllowedOrigins.";
    private const string RequestStream = "gRPC-Web cannot stream requests. Use gRPC over HTTP/2.";

    /// <summary>Whether the request is gRPC-Web. Runs for each gRPC call, so it allocates nothing.</summary>
    public static bool Serves(HttpContext http) => GrpcContentType.IsGrpcWeb(http.Request);

    /// <summary>Whether the request's body was encoded in base64. The content type no longer says so after the translation.</summary>
    public static bool IsText(HttpContext http) => http.Features.Get<GrpcWebTextBody>() is not null;

    /// <summary>Whether the request was gRPC-Web. Its content type and protocol no longer say so after the translation.</summary>
    public static bool WasServed(HttpContext http) => http.Features.Get<Mark>() is not null;

    /// <summary>Rejects the call, or passes it on.</summary>
    public Task InvokeAsync(HttpContext http)
    {
        if (CrossOrigin.IsForeignChange(http.Request, settings.AllowedOrigins))
            return Reject(http, StatusCodes.Status403Forbidden, StatusCode.PermissionDenied, ForeignOrigin);
        // Browsers send a request as a whole. A heartbeat stream would be closed, and its sessions ended, before the first reply.
        if (TypeOf(http.GetEndpoint()) is MethodType.ClientStreaming or MethodType.DuplexStreaming)
            return Reject(http, StatusCodes.Status200OK, StatusCode.Unimplemented, RequestStream);
        http.Features.Set(Mark.Instance);
        return GrpcContentType.IsGrpcWeb(http.Request, TextContentType) ? RunTextAsync(http) : next(http);
    }

    private async Task RunTextAsync(HttpContext http)
    {
        var body = new GrpcWebTextBody(http.Request.BodyReader);
        http.Features.Set(body);
        http.Features.Set<IRequestBodyPipeFeature>(body);
        try
        {
            await next(http);
        }
        finally
        {
            body.FinishRead();
        }
    }

    private static MethodType? TypeOf(Endpoint? endpoint) => endpoint?.Metadata.GetMetadata<GrpcMethodMetadata>()?.Method.Type;

    private static Task Reject(HttpContext http, int status, StatusCode code, string message)
    {
        http.Response.StatusCode = status;
        GrpcRejection.Write(http, new RpcException(new Status(code, message)), GrpcContentType.GrpcWeb);
        return Task.CompletedTask;
    }

    private sealed class Mark
    {
        public static Mark Instance { get; } = new();
    }
}
