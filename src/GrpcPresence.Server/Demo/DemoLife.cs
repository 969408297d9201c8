using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Grpc.Net.Client;
using GrpcPresence.Server.Security.AdminSocket;
using GrpcPresence.Server.Telemetry;
using GrpcPresence.V1;

namespace GrpcPresence.Server.Demo;

/// <summary>
/// Simulates users for a demonstration: a gRPC client of the same server over the admin socket, without access to its internals. It creates
/// a service instance with reachability on, in which a few dozen users go online, go offline and flap.
/// </summary>
internal sealed class DemoLife(string adminSocket, TimeProvider time, ILogger<DemoLife> logger)
{
    /// <summary>The service instance of the demo. It is always the same, so that commands can be pasted.</summary>
    public const string ServiceSid = "IS00000000000000000000000000000de0";

    private const int NotifiableEvery = 3;

    private static readonly TimeSpan Step = TimeSpan.FromSeconds(1);

    private static readonly string[] Names =
    [
        "ada", "alan", "annie", "barbara", "bjarne", "brian", "carol", "cynthia", "dennis", "donald", "edsger", "emmy",
        "frances", "grace", "guido", "hedy", "ivan", "jean", "john", "karen", "katherine", "ken", "kristen", "leslie",
        "linus", "margaret", "niklaus", "peter", "radia", "robin", "shafi", "sophie", "tim", "tony", "whitfield", "yukihiro",
    ];

    private readonly DemoUser[] _users = [.. Names.Select(name => new DemoUser(name, Random.Shared))];

    /// <summary>
    /// Simulates users until the token is cancelled. If the server is busy or unreachable, the demo ends with a log entry.
    /// </summary>
    public async Task RunAsync(CancellationToken stop)
    {
        try
        {
            using var channel = AdminSocketChannel.Open(adminSocket);
            await SetUpAsync(channel, stop);
            await LiveAsync(new UserService.UserServiceClient(channel), stop);
        }
        catch (Exception ended) when (ended is RpcException or OperationCanceledException)
        {
            if (!stop.IsCancellationRequested)
                Log.DemoEnded(logger, ended);
        }
    }

    private async Task SetUpAsync(GrpcChannel channel, CancellationToken stop)
    {
        var configurations = new ConfigurationService.ConfigurationServiceClient(channel);
        try
        {
            var request = new CreateServiceInstanceRequest { ServiceSid = ServiceSid, FriendlyName = "Demo" };
            await configurations.CreateServiceInstanceAsync(request, cancellationToken: stop);
        }
        catch (RpcException known) when (known.StatusCode == StatusCode.AlreadyExists)
        {
            // The service instance exists from an earlier run on the same database.
        }
        await configurations.UpdateConfigurationAsync(
            new UpdateConfigurationRequest
            {
                Configuration = new Configuration
                {
                    ServiceSid = ServiceSid,
                    ReachabilityEnabled = true,
                    HeartbeatInterval = Duration.FromTimeSpan(Step),
                    SessionTimeout = Duration.FromTimeSpan(4 * Step),
                },
                UpdateMask = FieldMask.FromString("reachability_enabled,heartbeat_interval,session_timeout"),
            },
            cancellationToken: stop);
        Log.DemoStarted(logger, ServiceSid, _users.Length);
    }

    private async Task LiveAsync(UserService.UserServiceClient users, CancellationToken stop)
    {
        using var heartbeats = users.StreamHeartbeats(cancellationToken: stop);
        await heartbeats.RequestStream.WriteAsync(
            new StreamHeartbeatsRequest { Start = new HeartbeatStreamStart { ServiceSid = ServiceSid } }, stop);
        await heartbeats.ResponseStream.MoveNext(stop);
        var withBinding = new HashSet<string>();
        using var timer = new PeriodicTimer(Step, time);
        do
        {
            var leaving = new HeartbeatStreamEnds();
            var beating = new HeartbeatStreamBeats();
            foreach (var user in _users)
            {
                if (user.Step())
                    leaving.Ends.Add(Session(user));
                else if (user.IsHere)
                    beating.Beats.Add(Session(user));
            }
            await ExchangeAsync(heartbeats, new StreamHeartbeatsRequest { Ends = leaving }, stop);
            await ExchangeAsync(heartbeats, new StreamHeartbeatsRequest { Beats = beating }, stop);
            foreach (var beat in beating.Beats.Where((_, i) => i % NotifiableEvery == 0))
            {
                if (withBinding.Count < Names.Length / NotifiableEvery && withBinding.Add(beat.UserKey))
                    await SetBindingAsync(users, beat.UserKey, stop);
            }
        }
        while (await timer.WaitForNextTickAsync(stop));
    }

    private static async Task ExchangeAsync(
        AsyncDuplexStreamingCall<StreamHeartbeatsRequest, StreamHeartbeatsResponse> heartbeats,
        StreamHeartbeatsRequest message,
        CancellationToken stop)
    {
        await heartbeats.RequestStream.WriteAsync(message, stop);
        await heartbeats.ResponseStream.MoveNext(stop);
    }

    private static async Task SetBindingAsync(UserService.UserServiceClient users, string identity, CancellationToken stop)
    {
        var request = new SetPushBindingRequest
        {
            ServiceSid = ServiceSid,
            UserKey = identity,
            BindingType = BindingType.Fcm,
            Endpoint = $"demo-device-of-{identity}",
        };
        await users.SetPushBindingAsync(request, cancellationToken: stop);
    }

    private static SessionBeat Session(DemoUser user) => new() { UserKey = user.Identity, SessionId = user.SessionId };
}
