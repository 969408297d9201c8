using System.Net.Sockets;
using GrpcPresence.Server.Composition;
using GrpcPresence.Server.Demo;
using GrpcPresence.Server.Security.Authentication;
using GrpcPresence.Server.Security.Tls;
using GrpcPresence.Server.Settings;
using GrpcPresence.Server.Telemetry;
using Microsoft.AspNetCore.Connections;

namespace GrpcPresence.Server.Cli;

/// <summary>The command that serves.</summary>
internal static class ServeCommand
{
    // Below, a user needs to be allowed to listen.
    private const int LastPrivilegedPort = 1023;

    /// <summary>Serves until the process is told to stop, and returns the exit code.</summary>
    /// <param name="commandLine">The settings that the command line gives.</param>
    /// <param name="addDomain">Adds the services of the domain and its store.</param>
    /// <param name="output">Takes what a user can do next.</param>
    /// <exception cref="SettingsException">A setting cannot be used.</exception>
    public static Task<int> RunAsync(
        IEnumerable<KeyValuePair<string, string?>> commandLine, Action<IServiceCollection> addDomain, TextWriter output)
    {
        var configuration = SettingsSources.Load(commandLine);
        return ServeAsync(SettingsReader.Read(configuration), configuration, addDomain, output);
    }

    private static async Task<int> ServeAsync(
        ServerSettings settings, IConfiguration configuration, Action<IServiceCollection> addDomain, TextWriter output)
    {
        if (settings is { Demo: true, AdminSocket: null })
            throw new SettingsException("The demo calls over the admin socket, and there is none: its path is too long, or it is switched off.");
        await using var app = ServerHost.Build(settings, configuration, addDomain);
        try
        {
            await StartAsync(app, settings);
            await ServeAsync(app, settings, output);
        }
        catch (OperationCanceledException) when (app.Lifetime.ApplicationStopping.IsCancellationRequested)
        {
            // Told to stop before it had started.
        }
        finally
        {
            await app.EnsureStoppedAsync();
        }
        // A server that stopped because its writer failed is restarted by systemd, which takes 0 for a stop that somebody asked for.
        var writer = app.Services.GetServices<IHostedService>().OfType<WriterService>().Single();
        return writer.HasFailed ? ServerProgram.Failed : 0;
    }

    private static async Task ServeAsync(WebApplication app, ServerSettings settings, TextWriter output)
    {
        var logger = app.Services.GetRequiredService<ILoggerFactory>().CreateLogger(typeof(ServerProgram).FullName!);
        var addresses = app.Urls.Where(address => !address.Contains("//unix:", StringComparison.Ordinal)).ToList();
        var isOpen = settings.AllowAnonymous || !app.Services.GetRequiredService<Authenticator>().HasCredentials;
        foreach (var address in addresses)
            Log.Listening(logger, address, isOpen ? "without authentication: everybody who reaches it is let in" : "callers need credentials");
        if (settings.AdminSocket is null)
            Log.NoAdminSocket(logger);
        app.Lifetime.ApplicationStopping.Register(() => Log.Stopping(logger));
        if (settings.LogFormat == LogFormat.Text)
            await GreetAsync(output, app, settings, addresses, isOpen);
        var demo = settings.Demo ? StartDemo(app, settings) : Task.CompletedTask;
        await app.WaitForShutdownAsync();
        await demo;
        Log.Stopped(logger);
    }

    private static async Task StartAsync(WebApplication app, ServerSettings settings)
    {
        try
        {
            await app.StartAsync();
        }
        catch (IOException fault) when (fault.InnerException is AddressInUseException)
        {
            // Which of the two it was is told by the text alone.
            var isRest = fault.Message.Contains($":{settings.RestPort}:", StringComparison.Ordinal);
            throw PortRefused(settings, isRest, "must be a port that no other program listens on");
        }
        catch (SocketException fault) when (fault.SocketErrorCode == SocketError.AccessDenied)
        {
            throw PortRefused(settings, isRest: settings.Port is 0 or > LastPrivilegedPort, "must be a port that this user may listen on");
        }
        catch (SocketException fault) when (fault.SocketErrorCode is SocketError.AddressNotAvailable or SocketError.AddressFamilyNotSupported)
        {
            throw SettingsException.For(nameof(settings.Address), $"{settings.Address}", "must be an address of this machine");
        }
    }

    private static SettingsException PortRefused(ServerSettings settings, bool isRest, string rule) => isRest && settings.ListensForRest
        ? SettingsException.For(nameof(settings.RestPort), $"{settings.RestPort}", rule + $", or {ServerSettings.Off}")
        : SettingsException.For(nameof(settings.Port), $"{settings.Port}", rule);

    private static Task StartDemo(WebApplication app, ServerSettings settings)
    {
        var life = new DemoLife(
            settings.AdminSocket!,
            app.Services.GetRequiredService<TimeProvider>(),
            app.Services.GetRequiredService<ILogger<DemoLife>>());
        return life.RunAsync(app.Lifetime.ApplicationStopping);
    }

    private static async Task GreetAsync(TextWriter output, WebApplication app, ServerSettings settings, List<string> addresses, bool isOpen)
    {
        var address = addresses[0];
        var options = app.Services.GetService<TlsFiles>() is { } tls
            ? CurlOptions.For(settings, tls.Current.Leaf, new Uri(address))
            : CurlOptions.PriorKnowledge;
        await output.WriteLineAsync();
        await output.WriteLineAsync(isOpen
            ? $"gRPC on {address}, for everybody on this machine. To try it, paste:"
            : $"gRPC on {address}, for callers with credentials: add -H \"authorization: Basic $(printf %s SID:SECRET | base64 -w0)\" to each of these:");
        await output.WriteLineAsync();
        foreach (var command in Welcome.Commands(address, options))
            await output.WriteLineAsync(command);
        await output.WriteLineAsync();
        if (!settings.ListensForRest)
            return;
        await output.WriteLineAsync($"REST on {addresses[1]}:");
        await output.WriteLineAsync();
        await output.WriteLineAsync(Welcome.Curl(addresses[1]));
        await output.WriteLineAsync();
    }
}
