using System.Text;
using Google.Rpc;
using Grpc.Core;

namespace GrpcPresence.Server.Tests.Fixture;

/// <summary>An error as a client sees it.</summary>
internal sealed record CallError(StatusCode Code, ErrorInfo? Info, BadRequest? BadRequest, RetryInfo? RetryInfo)
{
    /// <summary>The reason; empty when the error has no details.</summary>
    public string Reason => Info?.Reason ?? "";

    /// <summary>The metadata of the reason, and each invalid field with its own reason.</summary>
    public IReadOnlyDictionary<string, string> Metadata => (Info?.Metadata ?? [])
        .Concat((BadRequest?.FieldViolations ?? []).Select(violation => KeyValuePair.Create(violation.Field, violation.Reason)))
        .DistinctBy(pair => pair.Key)
        .ToDictionary();

    /// <summary>The invalid fields; an empty name stands for those that are omitted.</summary>
    public IReadOnlyList<string> Fields => BadRequest?.FieldViolations.Select(violation => violation.Field).ToArray() ?? [];

    /// <summary>Counts the bytes of an error's trailers, as gRPC sends them.</summary>
    public static int WireBytes(RpcException error)
    {
        var message = Encoding.UTF8.GetBytes(error.Status.Detail)
            .Sum(octet => octet is >= 0x20 and <= 0x7E and not (byte)'%' ? 1 : 3);
        var details = error.Trailers.Sum(entry =>
            entry.Key.Length + (entry.IsBinary ? (entry.ValueBytes.Length + 2) / 3 * 4 : entry.Value.Length));
        return "grpc-status".Length + 2 + "grpc-message".Length + message + details;
    }

    /// <summary>Runs a call that must fail.</summary>
    public static async Task<CallError> Of(Func<Task> call) => From(await Assert.ThrowsAsync<RpcException>(call));

    /// <summary>Runs a call that must fail.</summary>
    public static Task<CallError> Of<T>(AsyncUnaryCall<T> call) => Of(() => call.ResponseAsync);

    /// <summary>Reads the details of an error.</summary>
    public static CallError From(RpcException error)
    {
        if (error.Trailers.GetRpcStatus() is not { } status)
            return new CallError(error.StatusCode, null, null, null);
        Assert.Equal((int)error.StatusCode, status.Code);
        var info = status.GetDetail<ErrorInfo>();
        Assert.Equal("grpc-presence", info?.Domain);
        return new CallError(error.StatusCode, info, status.GetDetail<BadRequest>(), status.GetDetail<RetryInfo>());
    }
}
