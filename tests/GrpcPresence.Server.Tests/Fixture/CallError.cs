using Google.Protobuf;
using Google.Rpc;
using Grpc.Core;

namespace GrpcPresence.Server.Tests.Fixture;

/// <summary>An error as a client sees it.</summary>
internal sealed record CallError(StatusCode Code, ErrorInfo? Info, BadRequest? BadRequest, RetryInfo? RetryInfo)
{
    /// <summary>The reason; empty when the error has no details.</summary>
    public string Reason => Info?.Type ?? "";

    /// <summary>What the metadata says; a field at fault maps to its reason.</summary>
    public IReadOnlyDictionary<string, string> Metadata => Info?.Metadata.ToDictionary() ?? [];

    /// <summary>The fields at fault.</summary>
    public IReadOnlyList<string> Fields => BadRequest?.FieldViolations.Select(violation => violation.Field).ToArray() ?? [];

    /// <summary>Runs a call that must fail.</summary>
    public static async Task<CallError> Of(Func<Task> call) => From(await Assert.ThrowsAsync<RpcException>(call));

    /// <summary>Runs a call that must fail.</summary>
    public static Task<CallError> Of<T>(AsyncUnaryCall<T> call) => Of(() => call.ResponseAsync);

    /// <summary>Reads the details.</summary>
    public static CallError From(RpcException error)
    {
        var details = error.Trailers.GetValueBytes("grpc-status-details-bin");
        if (details is null)
            return new CallError(error.StatusCode, null, null, null);
        var status = Google.Rpc.Status.Parser.ParseFrom(details);
        Assert.Equal((int)error.StatusCode, status.Code);
        var info = Find<ErrorInfo>(status);
        Assert.Equal("grpc-presence", info?.Domain);
        return new CallError(error.StatusCode, info, Find<BadRequest>(status), Find<RetryInfo>(status));
    }

    private static T? Find<T>(Google.Rpc.Status status)
        where T : class, IMessage, new() =>
        status.Details.SingleOrDefault(detail => detail.Is(new T().Descriptor))?.Unpack<T>();
}
