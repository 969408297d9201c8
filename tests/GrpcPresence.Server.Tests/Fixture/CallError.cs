using Google.Rpc;
using Grpc.Core;

namespace GrpcPresence.Server.Tests.Fixture;

/// <summary>An error as a client sees it.</summary>
internal sealed record CallError(StatusCode Code, ErrorInfo? Info, BadRequest? BadRequest, RetryInfo? RetryInfo)
{
    /// <summary>The reason; empty when the error has no details.</summary>
    public string Reason => Info?.Reason ?? "";

    /// <summary>The metadata; an invalid field maps to its reason.</summary>
    public IReadOnlyDictionary<string, string> Metadata => Info?.Metadata.ToDictionary() ?? [];

    /// <summary>The invalid fields.</summary>
    public IReadOnlyList<string> Fields => BadRequest?.FieldViolations.Select(violation => violation.Field).ToArray() ?? [];

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
