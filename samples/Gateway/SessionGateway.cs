using Grpc.Core;
using GrpcPresence.V1;

namespace GrpcPresence.Samples.Gateway;

/// <summary>Keeps the sessions of its users alive over one heartbeat stream, and opens the next stream when the server ends one.</summary>
internal sealed class SessionGateway
{
    // The users beat in this many groups, spread over the interval. So the server's load is even, and up to 10,000 users stay within the
    // limit of 1,000 beats a message.
    private const int GroupCount = 10;

    private readonly UserService.UserServiceClient _client;
    private readonly string _serviceSid;
    private readonly ConnectedUser[][] _groups;
    private readonly Backoff _backoff = new();
    private readonly BeatCounts _counts = new();

    /// <summary>Creates a gateway with so many simulated users.</summary>
    public SessionGateway(UserService.UserServiceClient client, string serviceSid, int userCount)
    {
        _client = client;
        _serviceSid = serviceSid;
        var users = Enumerable.Range(1, userCount).Select(number => new ConnectedUser($"gateway-user-{number:D4}")).ToArray();
        _groups = [.. users.Chunk(Math.Max(1, (userCount + GroupCount - 1) / GroupCount))];
    }

    /// <summary>Beats until <paramref name="stop"/>, or until an error that no retry can help.</summary>
    public async Task RunAsync(CancellationToken stop)
    {
        try
        {
            while (!stop.IsCancellationRequested)
                await HoldStreamAsync(stop);
        }
        finally
        {
            Console.WriteLine($"total: {_counts}");
        }
    }

    private async Task HoldStreamAsync(CancellationToken stop)
    {
        try
        {
            // The token would cancel the stream. HeartbeatStream closes it instead, so that the last replies are read.
            using var call = _client.StreamHeartbeats(cancellationToken: CancellationToken.None);
            await new HeartbeatStream(call, _groups, _counts, _backoff).RunAsync(_serviceSid, stop);
        }
        catch (RpcException error) when (ServerError.IsTransient(error))
        {
            // Leases outlast a reconnect, also across a restart of the server: nobody goes offline because of it.
            var delay = _backoff.Next(ServerError.RetryDelayOf(error));
            Console.WriteLine($"disconnected: {ServerError.Describe(error)}; next attempt in {delay.TotalSeconds:F1} s");
            await Task.Delay(delay, stop);
        }
    }
}
