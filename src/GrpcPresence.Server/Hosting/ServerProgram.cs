using System.Net.Sockets;
using GrpcPresence.Core.Errors;
using GrpcPresence.Server.Access;
using GrpcPresence.Server.Demo;
using GrpcPresence.Server.Settings;
using GrpcPresence.Server.Telemetry;
using GrpcPresence.Server.Tls;
using GrpcPresence.Storage.Sqlite;
using Microsoft.AspNetCore.Connections;

namespace GrpcPresence.Server.Hosting;

/// <summary>The program: reads the settings, runs the server until it is told to stop, and says in one line why it cannot.</summary>
internal static class ServerProgram
{
    /// <summary>The exit code of a program that is not set up rightly.</summary>
    public const int BadSettings = 2;

    /// <summary>The exit code of a program whose database cannot be used.</summary>
    public const int BadDatabase = 3;

    // Below, a user needs to be allowed to listen.
    private const int LastPrivilegedPort = 1023;

    /// <summary>Runs the program and returns its exit code.</summary>
    public static async Task<int> RunAsync(IReadOnlyList<string> arguments, Action<IServiceCollection> addDomain, TextWriter output, TextWriter error)
    {
        try
        {
            if (DatabaseCommand.IsNamed(arguments))
            {
                await DatabaseCommand.RunAsync(arguments, output);
                return 0;
            }
            if (KeysCommand.IsNamed(arguments))
            {
                await KeysCommand.RunAsync(arguments, addDomain, output, error);
                return 0;
            }
            var configuration = SettingsSources.Load(arguments);
            var settings = SettingsReader.Read(configuration);
            await ServeAsync(settings, configuration, addDomain, output);
            return 0;
        }
        catch (SettingsException fault)
        {
            await error.WriteLineAsync(fault.Message);
            return BadSettings;
        }
        catch (Exception fault) when (fault is DatabaseRefusedException or StorageException)
        {
            await error.WriteLineAsync(fault.Message);
            return BadDatabase;
        }
    }

    private static async Task ServeAsync(
        ServerSettings settings, IConfiguration configuration, Action<IServiceCollection> addDomain, TextWriter output)
    {
        if (settings is { Demo: true, OperatorSocket: null })
            throw new SettingsException("The demo calls by the operator's socket, and there is none: its path is too long, or it is switched off.");
        using var telemetry = TelemetryExport.Start(configuration);
        await using var app = ServerHost.Build(settings, configuration, addDomain);
        await StartAsync(app, settings);
        var logger = app.Services.GetRequiredService<ILoggerFactory>().CreateLogger(typeof(ServerProgram).FullName!);
        var addresses = app.Urls.Where(address => !address.Contains("//unix:", StringComparison.Ordinal)).ToList();
        var isOpen = settings.AllowAnonymous || !app.Services.GetRequiredService<Authenticator>().HasCredentials;
        foreach (var address in addresses)
            Log.Listening(logger, address, isOpen ? "without authentication: everybody who reaches it is let in" : "callers need credentials");
        if (settings.OperatorSocket is null)
            Log.NoOperatorSocket(logger);
        if (telemetry is not null)
            Log.TelemetryExported(logger, telemetry.Endpoint);
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
            await StartOrStopAsync(app);
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

    /// <summary>Services that have started when another cannot are stopped: they would work on with what is disposed of.</summary>
    private static async Task StartOrStopAsync(WebApplication app)
    {
        try
        {
            await app.StartAsync();
        }
        catch
        {
            await app.StopAsync();
            throw;
        }
    }

    private static SettingsException PortRefused(ServerSettings settings, bool isRest, string rule) => isRest && settings.ListensForRest
        ? SettingsException.For(nameof(settings.RestPort), $"{settings.RestPort}", rule + $", or {SettingsReader.Off}")
        : SettingsException.For(nameof(settings.Port), $"{settings.Port}", rule);

    private static Task StartDemo(WebApplication app, ServerSettings settings)
    {
        var life = new DemoLife(
            settings.OperatorSocket!,
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
