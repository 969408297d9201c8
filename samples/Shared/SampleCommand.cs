using System.CommandLine;
using Grpc.Core;
using GrpcPresence.V1;

namespace GrpcPresence.Samples;

/// <summary>The options that both samples take, and their exit codes: 0 when stopped, 1 for an error that no retry can help.</summary>
internal static class SampleCommand
{
    private const string DemoServiceSid = "IS00000000000000000000000000000de0";

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

    private static readonly Option<double?> Seconds = new("--seconds") { Description = "Stop after this time; by default on Ctrl+C" };

    /// <summary>Runs the sample until Ctrl+C, SIGTERM or the end of its time. PRESENCE_KEY holds the API key, SID:secret, if any.</summary>
    public static Task<int> InvokeAsync(
        string[] args,
        string description,
        Func<UserService.UserServiceClient, string, ParseResult, CancellationToken, Task> runAsync,
        params ReadOnlySpan<Option> options)
    {
        var command = new RootCommand(description) { Address, ServiceSid, Seconds };
        foreach (var option in options)
            command.Options.Add(option);
        command.SetAction(async (arguments, interrupted) =>
        {
            using var stop = CancellationTokenSource.CreateLinkedTokenSource(interrupted);
            if (arguments.GetValue(Seconds) is { } seconds)
                stop.CancelAfter(TimeSpan.FromSeconds(seconds));
            try
            {
                var address = new Uri(arguments.GetRequiredValue(Address));
                using var channel = PresenceChannel.Open(address, Environment.GetEnvironmentVariable("PRESENCE_KEY"));
                await runAsync(new UserService.UserServiceClient(channel), arguments.GetRequiredValue(ServiceSid), arguments, stop.Token);
            }
            catch (Exception ended) when (
                stop.IsCancellationRequested && ended is OperationCanceledException or RpcException { StatusCode: StatusCode.Cancelled })
            {
                // Stopped while the sample waited.
            }
            catch (Exception failed) when (failed is RpcException or ArgumentException or FormatException)
            {
                await Console.Error.WriteLineAsync(failed is RpcException error ? ServerError.Describe(error) : failed.Message);
                return 1;
            }
            Console.WriteLine("stopped");
            return 0;
        });
        return command.Parse(args).InvokeAsync();
    }
}
