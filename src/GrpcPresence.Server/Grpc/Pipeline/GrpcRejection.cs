using System.Globalization;
using Grpc.Core;
using GrpcPresence.Server.Streams.Requests;

namespace GrpcPresence.Server.Grpc.Pipeline;

/// <summary>Rejects a call before gRPC sees it.</summary>
internal static class GrpcRejection
{
    /// <summary>
    /// Writes the error as gRPC does before any message: among the headers. Grpc.AspNetCore.Web translates them where it surrounds this.
    /// </summary>
    public static void Write(HttpContext http, RpcException error, string contentType = GrpcContentType.Grpc)
    {
        http.Response.ContentType = contentType;
        var headers = http.Response.Headers;
        headers["grpc-status"] = ((int)error.StatusCode).ToString(CultureInfo.InvariantCulture);
        headers["grpc-message"] = Uri.EscapeDataString(error.Status.Detail);
        foreach (var entry in error.Trailers)
            headers[entry.Key] = entry.IsBinary ? Convert.ToBase64String(entry.ValueBytes) : entry.Value;
    }
}
