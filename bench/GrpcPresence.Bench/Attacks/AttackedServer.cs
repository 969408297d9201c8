using System.Net;
using System.Net.Sockets;
using GrpcPresence.Bench.Load;
using GrpcPresence.Bench.Machine;
using GrpcPresence.Bench.Peers;
using GrpcPresence.Bench.Scenarios;

namespace GrpcPresence.Bench.Attacks;

/// <summary>
/// A server with its default quotas, on which every call needs credentials. It has two tenants. The victim sends heartbeats. The attacker
/// has many online users, and a webhook that never answers.
/// </summary>
internal sealed class AttackedServer : IDisposable
{
    /// <summary>The service instance of the attacker. The victim has the default one of the loads.</summary>
    public const string Service = "IS000000000000000000000000000be9c7";

    private const int VictimUsers = 1_000;
    private const int BeatsEach = 100;
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan SessionTimeout = TimeSpan.FromHours(24);
    private static readonly TimeSpan HeartbeatInterval = TimeSpan.FromMilliseconds(1);

    private readonly PresenceServer _server;
    private readonly Socket _backEnd = new(SocketType.Stream, ProtocolType.Tcp);

    /// <summary>Starts the server, and brings the users online.</summary>
    public AttackedServer(Workspace workspace, EventLoop loop, int attackerUsers)
    {
        // Connections are accepted by the system, and nothing reads them.
        _backEnd.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        _backEnd.Listen(4_096);
        var database = workspace.NewPath("attacked.db");
        Prepare(database, attackerUsers);
        var victim = PresenceServer.NewKey(database, "--service-sid", PresenceServer.Service);
        var attacker = PresenceServer.NewKey(database, "--service-sid", Service);
        BackEnd = Basic(attacker);
        EndUser = AccessTokens.Bearer(attacker.Sid, attacker.Secret, Service, Population.IdentityOf(0));
        _server = PresenceServer.StartWithDefaultQuotas(database, "--allow-private-webhooks", "true");
        var connection = new Http2Connection(loop, Port);
        var requests = Population.Heartbeats(Population.Shuffled(VictimUsers));
        new UnaryLoad([connection], 16, PresenceServer.HeartbeatPath, requests, [Basic(victim)]).CallAll(loop, Limit);
        Victim = new PacedHeartbeats(loop, connection, requests, HeartbeatInterval, Basic(victim));
    }

    /// <summary>The process.</summary>
    public ServerProcess Process => _server.Process;

    /// <summary>The port.</summary>
    public int Port => _server.Port;

    /// <summary>The heartbeats of the victim: 1,000 a second.</summary>
    public PacedHeartbeats Victim { get; }

    /// <summary>The credentials of the attacker's back end.</summary>
    public string BackEnd { get; }

    /// <summary>The credentials of an end user of the attacker.</summary>
    public string EndUser { get; }

    /// <inheritdoc/>
    public void Dispose()
    {
        _server.Dispose();
        _backEnd.Dispose();
    }

    private void Prepare(string database, int attackerUsers)
    {
        using var loop = new EventLoop();
        using var server = PresenceServer.Start(database, "--allow-private-webhooks", "true");
        var connection = new Http2Connection(loop, server.Port);
        PresenceServer.CreateService(loop, connection, PresenceServer.Service, SessionTimeout);
        PresenceServer.CreateService(loop, connection, Service, SessionTimeout);
        var users = Population.Shuffled(attackerUsers);
        new DialogueLoad(
            [connection], streamsEach: 1, messagesEach: 4, PresenceServer.StreamHeartbeatsPath, Population.StreamStart(Service),
            Population.Beats(users, BeatsEach), BeatsEach, _ => { })
            .SendAll(loop, Limit);
        PresenceServer.Call(loop, connection, PresenceServer.UpdateWebhookConfigurationPath, new V1.UpdateWebhookConfigurationRequest
        {
            WebhookConfiguration = new V1.WebhookConfiguration
            {
                ServiceSid = Service,
                PreWebhookUrl = $"http://127.0.0.1:{((IPEndPoint)_backEnd.LocalEndPoint!).Port}/",
                Filters = { "onUserUpdate" },
            },
            UpdateMask = new() { Paths = { "pre_webhook_url", "filters" } },
        });
    }

    private static string Basic((string Sid, string Secret) key) =>
        "Basic " + Convert.ToBase64String(System.Text.Encoding.ASCII.GetBytes($"{key.Sid}:{key.Secret}"));
}
