using Grpc.Core;
using GrpcPresence.Server.Tests.Fixture;
using GrpcPresence.V1;

namespace GrpcPresence.Server.Tests.Wire;

/// <summary>Tests the limits of request headers: 8 KiB each, and 16 KiB in all.</summary>
public sealed class HeaderLimitTests : IAsyncLifetime
{
    private TestServer _server = null!;

    public async ValueTask InitializeAsync() => _server = await TestServer.StartAsync();

    public ValueTask DisposeAsync() => _server.DisposeAsync();

    [Theory]
    [InlineData(1, 8000)]
    [InlineData(3, 5000)]
    public async Task Headers_within_the_limits_are_accepted(int count, int length) => await CallAsync(count, length);

    [Theory]
    [InlineData(1, 8300)]
    [InlineData(4, 5000)]
    public async Task A_call_with_headers_over_a_limit_fails_without_a_log_entry_and_the_next_one_succeeds(int count, int length)
    {
        await Assert.ThrowsAsync<RpcException>(() => CallAsync(count, length));

        await CallAsync(1, 10);
        Assert.Empty(_server.Log.Problems);
    }

    private async Task CallAsync(int count, int length)
    {
        var headers = new Metadata();
        for (var i = 0; i < count; i++)
            headers.Add($"x-header-{i}", new string('x', length));
        await _server.Configuration.ListServiceInstancesAsync(new ListServiceInstancesRequest(), headers);
    }
}
