namespace GrpcPresence.Server.Tests.Fixture;

/// <summary>The transport of a watch.</summary>
public enum WatchTransport
{
    /// <summary>The messages and trailers of gRPC.</summary>
    Grpc,

    /// <summary>Server-sent events.</summary>
    Events,

    /// <summary>gRPC-Web over HTTP/1.1, binary.</summary>
    GrpcWeb,

    /// <summary>gRPC-Web over HTTP/1.1, in base64.</summary>
    GrpcWebText,
}
