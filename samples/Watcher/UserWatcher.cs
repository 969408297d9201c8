using Grpc.Core;
using GrpcPresence.V1;

namespace GrpcPresence.Samples.Watcher;

/// <summary>
/// Watches a service instance across restarts of the server and of this program:
/// <list type="number">
/// <item>Open the watch with the last token, or without one for a snapshot.</item>
/// <item>Take in each message, then keep its token. The order matters: a crash in between repeats a message and skips none.</item>
/// <item>After a transient error wait as the server asks, and begin again at 1.</item>
/// </list>
/// </summary>
internal sealed class UserWatcher(UserService.UserServiceClient client, string serviceSid, TokenFile token)
{
    private readonly Backoff _backoff = new();

    /// <summary>Watches until <paramref name="stop"/>, or until an error that no retry can help.</summary>
    public async Task RunAsync(CancellationToken stop)
    {
        while (true)
        {
            try
            {
                await WatchAsync(stop);
            }
            catch (RpcException error) when (ServerError.IsTransient(error))
            {
                var delay = _backoff.Next(ServerError.RetryDelayOf(error));
                Console.WriteLine($"disconnected: {ServerError.Describe(error)}; next attempt in {delay.TotalSeconds:F1} s");
                await Task.Delay(delay, stop);
            }
            catch (RpcException error) when (ServerError.ReasonOf(error) == "RESUME_TOKEN_INVALID")
            {
                // The file is of another service instance or damaged. The next watch starts with a snapshot.
                Console.WriteLine("the server rejected the token; starting with a snapshot");
                token.Delete();
            }
        }
    }

    private async Task WatchAsync(CancellationToken stop)
    {
        var request = new WatchUsersRequest { ServiceSid = serviceSid, View = UserView.Reachability, ResumeToken = token.Read() };
        Console.WriteLine(request.ResumeToken.Length > 0 ? "watching from the last token" : "watching from a snapshot");
        using var watch = client.WatchUsers(request, cancellationToken: stop);
        await foreach (var message in watch.ResponseStream.ReadAllAsync(stop))
        {
            _backoff.Reset();
            TakeIn(message);
            // Messages between reset and synced, and those that change nothing, have no token.
            if (message.ResumeToken.Length > 0)
                token.Write(message.ResumeToken);
        }
    }

    private void TakeIn(WatchUsersResponse message)
    {
        switch (message.EventCase)
        {
            case WatchUsersResponse.EventOneofCase.Configuration:
                Console.WriteLine($"configuration: reachability is {(message.Configuration.ReachabilityEnabled ? "on" : "off")}");
                break;
            case WatchUsersResponse.EventOneofCase.Reset:
                // A program that keeps users drops them here. Without a token, a watch that breaks before synced gets a whole snapshot.
                Console.WriteLine($"reset: {message.Reset.Reason}; a snapshot follows");
                token.Delete();
                break;
            case WatchUsersResponse.EventOneofCase.Updates:
                foreach (var update in message.Updates.Updates)
                    Console.WriteLine(Describe(update));
                break;
            case WatchUsersResponse.EventOneofCase.Synced:
                Console.WriteLine("synced");
                break;
        }
    }

    private static string Describe(UserUpdate update)
    {
        // Absent means unknown: reachability is off, or the user has not been online since it was switched on.
        var state = update.UpdateReasons.Contains(UpdateReason.Deleted) ? "deleted"
            : !update.User.HasIsOnline ? "unknown"
            : update.User.IsOnline ? "online"
            : "offline";
        return update.UpdateReasons.Count == 0
            ? $"{update.User.Identity} is {state}"
            : $"{update.User.Identity} is {state} ({string.Join(", ", update.UpdateReasons)})";
    }
}
