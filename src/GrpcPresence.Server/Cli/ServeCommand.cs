using System.Net.Sockets;
using GrpcPresence.Server.Composition;
using GrpcPresence.Server.Composition.Cluster;
using GrpcPresence.Server.Demo;
using GrpcPresence.Server.Security.Authentication;
using GrpcPresence.Server.Security.Tls;
using GrpcPresence.Server.Settings;
using GrpcPresence.Server.Telemetry;
using Microsoft.AspNetCore.Connections;

namespace GrpcPresence.Server.Cli;

/// <summary>The command that runs the server.</summary>
internal static class ServeCommand
{
    // Up to this port, listening requires a privilege.
    private const int LastPrivilegedPort = 1023;

    /// <summary>Serves until the process receives a signal to stop, and returns the exit code.</summary>
    /// <param name="commandLine">The settings given on the command line.</param>
    /// <param name="addDomain">Adds the services of the domain and its store.</param>
    /// <param name="output">Receives the commands that a user can try next.</param>
    /// <param name="beforeServing">Runs when the settings are valid, before the server is built.</param>
    /// <exception cref="SettingsException">A setting is invalid.</exception>
    public static async Task<int> RunAsync(
        IEnumerable<KeyValuePair<string, string?>> commandLine,
        Action<IServiceCollection> addDomain,
        TextWriter output,
        Action? beforeServing)
    {
        using var signals = new StopSignals();
        var configuration = SettingsSources.Load(commandLine);
        var settings = SettingsReader.Read(configuration);
        beforeServing?.Invoke();
        return await ServeAsync(settings, configuration, addDomain, output, signals);
    }

    private static async Task<int> ServeAsync(
        ServerSettings settings,
        IConfiguration configuration,
        Action<IServiceCollection> addDomain,
        TextWriter output,
        StopSignals signals)
    {
        if (settings is { Demo: true, AdminSocket: null })
        {
            throw new SettingsException(
                "The demo needs the admin socket, which is switched off or has a path that is too long. Set a shorter AdminSocket.");
        }
        if (Build() is not { } app)
            return 0;
        await using var ending = app;
        await using var stop = signals.Received.Register(app.Lifetime.StopApplication);
        try
        {
            await StartAsync(app, settings);
            await ServeAsync(app, settings, output);
        }
        catch (OperationCanceledException) when (
            signals.Received.IsCancellationRequested || app.Lifetime.ApplicationStopping.IsCancellationRequested)
        {
            // The process received the signal before the server had started.
        }
        finally
        {
            await app.EnsureStoppedAsync();
        }
        return app.Services.GetRequiredService<ServerFault>().HasOccurred ? ServerProgram.Failed : 0;

        // Returns null if the process received the signal while the server waited for its store.
        WebApplication? Build()
        {
            try
            {
                return ServerHost.Build(settings, configuration, services =>
                {
                    addDomain(services);
                    if (settings.NodeAddress is not null)
                        services.AddNode();
                    services.AddSingleton(signals);
                });
            }
            catch (OperationCanceledException) when (signals.Received.IsCancellationRequested)
            {
                return null;
            }
        }
    }

    private static async Task ServeAsync(WebApplication app, ServerSettings settings, TextWriter output)
    {
        var logger = app.Services.GetRequiredService<ILoggerFactory>().CreateLogger(typeof(ServerProgram).FullName!);
        var addresses = app.Urls.Where(address => !address.Contains("//unix:", StringComparison.Ordinal)).ToList();
        var isOpen = settings.AllowAnonymous || !app.Services.GetRequiredService<Authenticator>().HasCredentials;
        if (settings.ProbePort is not null)
        {
            // The listener of probes is the last one.
            Log.Listening(logger, addresses[^1], "for health probes only");
            addresses.RemoveAt(addresses.Count - 1);
        }
        foreach (var address in addresses)
            Log.Listening(logger, address, isOpen ? "authentication is off: every caller is accepted" : "callers need credentials");
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
        catch (IOException exception) when (exception.InnerException is AddressInUseException)
        {
            // Only the message says which port it was.
            throw PortRefused(
                settings,
                port => exception.Message.Contains($":{port}:", StringComparison.Ordinal),
                "is in use by another program. Choose a free port");
        }
        catch (Exception exception) when (FindSocketError(exception) is { } error)
        {
            if (error.SocketErrorCode == SocketError.AccessDenied)
            {
                var problem = $"needs a privilege that this user does not have. Choose a port above {LastPrivilegedPort}";
                throw PortRefused(settings, port => port is > 0 and <= LastPrivilegedPort, problem);
            }
            throw SettingsException.For(
                nameof(settings.Address),
                $"{settings.Address}",
                $"cannot be listened on ({error.Message}). Choose an address of one of this machine's network interfaces");
        }
    }

    /// <summary>
    /// Returns the error of the operating system for an address or a port, or null for any other exception. For localhost, an exception
    /// holds the errors of both families.
    /// </summary>
    private static SocketException? FindSocketError(Exception exception) => exception switch
    {
        SocketException error => error,
        IOException { InnerException: AggregateException both } => both.InnerExceptions.OfType<SocketException>().FirstOrDefault(),
        _ => null,
    };

    private static SettingsException PortRefused(ServerSettings settings, Func<int, bool> isMeant, string problem)
    {
        foreach (var name in (string[])[nameof(settings.ProbePort), nameof(settings.RestPort)])
        {
            var isUsed = name != nameof(settings.RestPort) || settings.ListensForRest;
            if (isUsed && SettingsCatalog.Get(name).Get(settings) is int port && isMeant(port))
                return SettingsException.For(name, $"{port}", problem + $", or set it to {ServerSettings.Off}");
        }
        return SettingsException.For(nameof(settings.Port), $"{settings.Port}", problem);
    }

    private static Task StartDemo(WebApplication app, ServerSettings settings)
    {
        var life = new DemoLife(
            settings.AdminSocket!,
            app.Services.GetRequiredService<TimeProvider>(),
            app.Services.GetRequiredService<ILogger<DemoLife>>());
        return life.RunAsync(app.Lifetime.ApplicationStopping);
    }

    private static async Task GreetAsync(
        TextWriter output, WebApplication app, ServerSettings settings, List<string> addresses, bool isOpen)
    {
        var address = Welcome.Reachable(addresses[0]);
        var options = app.Services.GetService<TlsFiles>() is { } tls
            ? CurlOptions.For(settings, tls.Current.Leaf, new Uri(address))
            : CurlOptions.PriorKnowledge;
        await output.WriteLineAsync();
        const string Header = "-H \"authorization: Basic $(printf %s SID:SECRET | base64 -w0)\"";
        await output.WriteLineAsync(isOpen
            ? $"gRPC on {address}, without authentication. Paste these commands to try it:"
            : $"gRPC on {address}, for callers with credentials. Add {Header} to each of these commands:");
        await output.WriteLineAsync();
        foreach (var command in Welcome.Commands(address, options))
            await output.WriteLineAsync(command);
        await output.WriteLineAsync();
        if (!settings.ListensForRest)
            return;
        var rest = Welcome.Reachable(addresses[1]);
        await output.WriteLineAsync($"REST on {rest}:");
        await output.WriteLineAsync();
        await output.WriteLineAsync(Welcome.Curl(rest));
        await output.WriteLineAsync();
    }
}
