using System.CommandLine;
using GrpcPresence.Client;
using Microsoft.Extensions.Logging;

namespace GrpcPresence.Samples;

/// <summary>
/// The options that the samples of the client library take. Exit code 0 when stopped, 1 for an error that no retry can help.
/// </summary>
internal static class ClientCommand
{
    private const string DemoServiceSid = "IS00000000000000000000000000000de0";

    private static readonly TimeSpan EndOfSessions = TimeSpan.FromSeconds(30);

    private static readonly Option<string> Address = new("--address")
    {
        Description = "The server's gRPC address",
        DefaultValueFactory = _ => "http://127.0.0.1:5080",
    };

    private static readonly Option<string> ServiceSid = new("--service")
    {
        Description = "The SID of the service instance; by default the one of the server's demo",
        DefaultValueFactory = _ => DemoServiceSid,
    };

    /// <summary>Runs the sample until Ctrl+C or SIGTERM. PRESENCE_KEY holds the API key, SID:secret, if any.</summary>
    public static Task<int> InvokeAsync(
        string[] args,
        string description,
        Func<PresenceClientOptions, ParseResult, CancellationToken, Task> runAsync,
        params ReadOnlySpan<Option> options)
    {
        var command = new RootCommand(description) { Address, ServiceSid };
        foreach (var option in options)
            command.Options.Add(option);
        command.SetAction(async (arguments, interrupted) =>
        {
            try
            {
                var address = arguments.GetRequiredValue(Address);
                using var log = LoggerFactory.Create(logging => logging.AddSimpleConsole(console => console.SingleLine = true));
                var settings = new PresenceClientOptions
                {
                    Address = Uri.TryCreate(address, UriKind.Absolute, out var url)
                        ? url
                        : throw new ArgumentException($"--address '{address}' is not a URL. Write it as http://127.0.0.1:5080."),
                    ServiceSid = arguments.GetRequiredValue(ServiceSid),
                    Credentials = Environment.GetEnvironmentVariable("PRESENCE_KEY") is { Length: > 0 } key
                        ? KeyOf(key)
                        : PresenceCredentials.None,
                    // It says why the client cannot connect, and that it tries again.
                    LoggerFactory = log,
                };
                Console.WriteLine($"connecting to {address}");
                await runAsync(settings, arguments, interrupted);
            }
            catch (OperationCanceledException) when (interrupted.IsCancellationRequested)
            {
                // Stopped while the sample waited.
            }
            catch (Exception failed) when (failed is PresenceException or ArgumentException)
            {
                await Console.Error.WriteLineAsync(failed.Message);
                return 1;
            }
            Console.WriteLine("stopped");
            return 0;
        });
        // To end many sessions takes longer than the two seconds that a program has by default.
        return command.Parse(args).InvokeAsync(new InvocationConfiguration { ProcessTerminationTimeout = EndOfSessions });
    }

    private static PresenceCredentials KeyOf(string key) => key.Split(':', 2) is [var sid, var secret]
        ? PresenceCredentials.ApiKey(sid, secret)
        : throw new ArgumentException("PRESENCE_KEY is not an API key. Write it as SID:secret.");
}
