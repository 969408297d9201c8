namespace GrpcPresence.Server.Tests.Hostile.Http2;

/// <summary>How a stream was answered.</summary>
internal sealed class StreamAnswer
{
    /// <summary>The HTTP status; null before the headers.</summary>
    public int? HttpStatus { get; set; }

    /// <summary>The gRPC status; null when there was none.</summary>
    public int? GrpcStatus { get; set; }

    /// <summary>Whether the server reset the stream.</summary>
    public bool IsReset { get; set; }

    /// <summary>Whether nothing more comes.</summary>
    public bool IsOver { get; set; }

    public override string ToString() => $"HTTP {HttpStatus}, gRPC {GrpcStatus}, {(IsReset ? "reset" : IsOver ? "over" : "open")}";
}
