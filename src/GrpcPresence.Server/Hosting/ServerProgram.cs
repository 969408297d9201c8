using GrpcPresence.Server.Settings;
using GrpcPresence.Server.Telemetry;
using Microsoft.AspNetCore.Connections;

namespace GrpcPresence.Server.Hosting;

/// <summary>The program: reads the settings, runs the server until it is told to stop, and says in one line why it cannot.</summary>
internal static class ServerProgram
{
    /// <summary>The exit code of a program that is not set up rightly.</summary>
    public const int BadSettings = 2;

    /// <summary>Runs the program and returns its exit code.</summary>
    public static async Task<int> RunAsync(IReadOnlyList<string> arguments, Action<IServiceCollection> addDomain, TextWriter output, TextWriter error)
    {
        try
        {
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
    }

    private static async Task ServeAsync(
        ServerSettings settings, IConfiguration configuration, Action<IServiceCollection> addDomain, TextWriter output)
    {
        using var telemetry = TelemetryExport.Start(configuration);
        await using var app = ServerHost.Build(settings, configuration, addDomain);
        await StartAsync(app, settings);
        var logger = app.Services.GetRequiredService<ILoggerFactory>().CreateLogger(typeof(ServerProgram).FullName!);
        foreach (var address in app.Urls)
            Log.Listening(logger, address);
        if (telemetry is not null)
            Log.TelemetryExported(logger, telemetry.Endpoint);
        app.Lifetime.ApplicationStopping.Register(() => Log.Stopping(logger));
        if (settings.LogFormat == LogFormat.Text)
            await GreetAsync(output, app.Urls.First());
        await app.WaitForShutdownAsync();
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
            throw SettingsException.For(nameof(settings.Port), $"{settings.Port}", "must be a port that no other program listens on");
        }
    }

    private static async Task GreetAsync(TextWriter output, string address)
    {
        await output.WriteLineAsync();
        foreach (var command in Welcome.Commands(address))
            await output.WriteLineAsync(command);
        await output.WriteLineAsync();
    }
}
