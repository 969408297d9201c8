namespace GrpcPresence.Server.Streams.Requests;

/// <summary>
/// Tells gRPC from other requests by the content type. It may have a suffix: <c>application/grpc+proto</c>, <c>application/grpc-web</c>.
/// </summary>
internal static class GrpcContentType
{
    /// <summary>The content type of most calls.</summary>
    public const string Grpc = "application/grpc";

    /// <summary>The content type of gRPC-Web, which also begins as that of gRPC.</summary>
    public const string GrpcWeb = Grpc + "-web";

    /// <summary>Whether the request has a content type of gRPC or gRPC-Web.</summary>
    public static bool IsGrpc(HttpRequest request) =>
        request.ContentType is { } type
        && (type == Grpc || type.StartsWith(Grpc, StringComparison.OrdinalIgnoreCase)); // the first takes a third of the time

    /// <summary>Whether the request has a content type of gRPC-Web, or one that begins with <paramref name="prefix"/>.</summary>
    public static bool IsGrpcWeb(HttpRequest request, string prefix = GrpcWeb) =>
        request.ContentType is { } type && type != Grpc && type.StartsWith(prefix, StringComparison.OrdinalIgnoreCase);

    /// <summary>Whether the request is a call of gRPC: also of gRPC-Web, once it is translated.</summary>
    public static bool IsCall(HttpRequest request) =>
        HttpMethods.IsPost(request.Method) && !HttpProtocol.IsHttp11(request.Protocol) && IsGrpc(request);
}
