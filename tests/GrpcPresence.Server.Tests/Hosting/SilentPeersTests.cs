using GrpcPresence.Server.Hosting;
using GrpcPresence.Server.Settings;
using GrpcPresence.Server.Tests.Fixture;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Http;

namespace GrpcPresence.Server.Tests.Hosting;

public sealed class SilentPeersTests
{
    [Fact]
    public async Task A_connection_whose_client_acknowledges_nothing_is_given_up_when_a_watch_would_be()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "The option is Linux's.");
        TimeSpan? seen = null;
        await using var server = await TestServer.StartAsync(
            map: app => app.MapGet("/socket", (HttpContext http) => seen = SilentPeers.TimeoutOf(http.Features.Get<IConnectionSocketFeature>()!.Socket)),
            settings: new ServerSettings { WatchStallTimeout = TimeSpan.FromSeconds(11) });

        using var answer = await server.Rest.GetAsync(new Uri("/socket", UriKind.Relative), TestRun.Token);

        Assert.Equal(TimeSpan.FromSeconds(11), seen);
    }
}
