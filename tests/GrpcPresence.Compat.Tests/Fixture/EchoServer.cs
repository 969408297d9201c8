using System.Net;
using Grpc.AspNetCore.Server;
using Grpc.Net.Client;
using GrpcPresence.Compat.Tests.Echo;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace GrpcPresence.Compat.Tests;

/// <summary>The echo service on Kestrel at a port of its own, and a channel to it.</summary>
internal sealed class EchoServer : IAsyncDisposable
{
    private readonly WebApplication _app;

    private EchoServer(WebApplication app, EchoBehaviour behaviour)
    {
        _app = app;
        Behaviour = behaviour;
        Address = new Uri(app.Urls.Single());
        Channel = GrpcChannel.ForAddress(Address);
    }

    public EchoBehaviour Behaviour { get; }

    public Uri Address { get; }

    public GrpcChannel Channel { get; }

    public EchoService.EchoServiceClient Client => new(Channel);

    public static Task<EchoServer> Start(Action<GrpcServiceOptions>? configure = null) =>
        Start(configure ?? (_ => { }), app => app.MapGrpcService<EchoServiceUnderTest>());

    public static async Task<EchoServer> Start(Action<GrpcServiceOptions> configure, Action<WebApplication> map)
    {
        var behaviour = new EchoBehaviour();
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel =>
            kestrel.Listen(IPAddress.Loopback, 0, listen => listen.Protocols = HttpProtocols.Http2));
        builder.Services.AddSingleton(behaviour);
        builder.Services.AddGrpc(configure);
        var app = builder.Build();
        map(app);
        await app.StartAsync();
        return new EchoServer(app, behaviour);
    }

    public async ValueTask DisposeAsync()
    {
        Channel.Dispose();
        await _app.StopAsync();
        await _app.DisposeAsync();
    }
}
