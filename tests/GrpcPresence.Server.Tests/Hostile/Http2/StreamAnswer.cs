namespace GrpcPresence.Server.Tests.Hostile.Http2;

/// <summary>The answer on one stream.</summary>
internal sealed class StreamAnswer
{
    /// <summary>The HTTP status; null before the headers.</summary>
    public int? HttpStatus { get; set; }

    /// <summary>The gRPC status, or null.</summary>
    public int? GrpcStatus { get; set; }

    /// <summary>Whether the server reset the stream.</summary>
    public bool IsReset { get; set; }

    /// <summary>Whether the stream has ended.</summary>
    public bool IsOver { get; set; }

    public override string ToString() => $"HTTP {HttpStatus}, gRPC {GrpcStatus}, {(IsReset ? "reset" : IsOver ? "over" : "open")}";
}
