using Grpc.Core;
using GrpcPresence.V1;

namespace GrpcPresence.Server.Tests.Fixture;

/// <summary>A watch over gRPC or gRPC-Web.</summary>
internal sealed class GrpcWatch(AsyncServerStreamingCall<WatchUsersResponse> call) : Watch
{
    public override Task Headers => call.ResponseHeadersAsync;

    public override void Dispose() => call.Dispose();

    protected override async Task<WatchUsersResponse> Read()
    {
        Assert.True(await call.ResponseStream.MoveNext(CancellationToken.None), "The watch ended without an error.");
        return call.ResponseStream.Current;
    }

    protected override Task<CallError> ReadToEnd() => CallError.Of(async () =>
    {
        while (await call.ResponseStream.MoveNext(CancellationToken.None))
        {
        }
    });
}
