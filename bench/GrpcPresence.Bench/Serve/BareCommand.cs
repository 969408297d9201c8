using System.Globalization;
using GrpcPresence.Server.Composition;
using GrpcPresence.Server.Settings;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace GrpcPresence.Bench.Serve;

/// <summary>A server with the listener of this project's server and the framework's gRPC, and nothing else.</summary>
internal static class BareCommand
{
    /// <summary>Runs the server until the process ends.</summary>
    public static async Task<int> RunAsync()
    {
        var settings = new ServerSettings { Port = 0, RestPort = null };
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel => KestrelSetup.Configure(kestrel, settings));
        builder.Services.AddRouting();
        builder.Services.AddGrpc();
        builder.Services.AddSingleton<BareGrpcService>();
        await using var app = builder.Build();
        app.MapGrpcService<BareGrpcService>();
        await app.StartAsync();
        new ProcessCommands().Start();
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"listening {new Uri(app.Urls.First()).Port}"));
        await app.WaitForShutdownAsync();
        return 0;
    }
}
