using System.Net;
using System.Security.Cryptography.X509Certificates;
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

    public static Task<EchoServer> Start(Action<GrpcServiceOptions> configure, Action<WebApplication> map) =>
        Start(_ => { }, configure, map);

    public static Task<EchoServer> StartWithTls(X509Certificate2 certificate) => Start(
        listen => listen.UseHttps(certificate),
        _ => { },
        app => app.MapGrpcService<EchoServiceUnderTest>());

    private static async Task<EchoServer> Start(
        Action<ListenOptions> listen,
        Action<GrpcServiceOptions> configure,
        Action<WebApplication> map)
    {
        var behaviour = new EchoBehaviour();
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseKestrelHttpsConfiguration();
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0, options =>
        {
            options.Protocols = HttpProtocols.Http2;
            listen(options);
        }));
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
