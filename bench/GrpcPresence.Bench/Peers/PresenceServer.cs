using Google.Protobuf;
using GrpcPresence.Bench.Load;
using GrpcPresence.Bench.Machine;

namespace GrpcPresence.Bench.Peers;

/// <summary>
/// The server of this project: the whole program, with commands that read its collector and its meters (see <c>Serve/</c>).
/// </summary>
internal sealed class PresenceServer : IDisposable
{
    private const string Users = "/presence.v1.UserService/";
    private const string Configurations = "/presence.v1.ConfigurationService/";

    /// <summary>The default service instance of loads.</summary>
    public const string Service = "IS000000000000000000000000000be9c4";

    private PresenceServer(ServerProcess process)
    {
        Process = process;
        // The log says `Listening on http://127.0.0.1:PORT; …`.
        const string Beginning = "Listening on ";
        Port = new Uri(process.WaitForLine(Beginning).Split(Beginning)[1].Split(';')[0]).Port;
    }

    /// <summary>The paths of the methods that loads call.</summary>
    public static string HeartbeatPath => Users + "Heartbeat";

    /// <inheritdoc cref="HeartbeatPath"/>
    public static string StreamHeartbeatsPath => Users + "StreamHeartbeats";

    /// <inheritdoc cref="HeartbeatPath"/>
    public static string ListUsersPath => Users + "ListUsers";

    /// <inheritdoc cref="HeartbeatPath"/>
    public static string UpdateWebhookConfigurationPath => Configurations + "UpdateWebhookConfiguration";

    /// <inheritdoc cref="HeartbeatPath"/>
    public static string WatchUsersPath => Users + "WatchUsers";

    /// <summary>The process.</summary>
    public ServerProcess Process { get; }

    /// <summary>The port.</summary>
    public int Port { get; }

    /// <summary>Starts the server on a new or existing database.</summary>
    /// <param name="database">The file.</param>
    /// <param name="settings">Further arguments. The default quotas are out of reach.</param>
    public static PresenceServer Start(string database, params IEnumerable<string> settings) =>
        StartWithDefaultQuotas(database, [.. QuotaArguments.OutOfReach, .. settings]);

    /// <summary>Starts the server on a new or existing database, with the quotas that it has by default.</summary>
    public static PresenceServer StartWithDefaultQuotas(string database, params IEnumerable<string> settings) =>
        StartWith(["--database", database, .. settings]);

    /// <summary>Starts the server on a new database with a service instance that has reachability switched on.</summary>
    public static PresenceServer StartWithService(Workspace workspace, EventLoop loop, params IEnumerable<string> settings)
    {
        var server = Start(workspace.NewPath("presence.db"), settings);
        CreateService(loop, new Http2Connection(loop, server.Port), Service, TimeSpan.FromHours(24));
        return server;
    }

    /// <summary>Starts the server on a new PostgreSQL database with a service instance that has reachability switched on.</summary>
    public static PresenceServer StartWithServiceOnPostgres(Workspace workspace, EventLoop loop, PostgresDatabases databases)
    {
        var server = StartWith(
        [
            .. QuotaArguments.OutOfReach, "--postgres", databases.Create(), "--secret-file", workspace.NewPath("presence.secret"),
            "--admin-socket", workspace.NewPath("presence.sock"),
        ]);
        CreateService(loop, new Http2Connection(loop, server.Port), Service, TimeSpan.FromHours(24));
        return server;
    }

    /// <summary>Creates an API key in the database of a stopped server.</summary>
    public static (string Sid, string Secret) NewKey(string database, params IEnumerable<string> options)
    {
        using var command = ServerProcess.StartSelf(
            ["serve", "keys", "create", "--role", "service", "--database", database, .. options]);
        // SID:secret; the audit log contains the SID too.
        string line;
        do
            line = command.WaitForLine("SK");
        while (!line.StartsWith("SK", StringComparison.Ordinal));
        return (line.Split(':')[0], line.Split(':')[1]);
    }

    /// <summary>Creates a service instance and switches reachability on.</summary>
    public static void CreateService(
        EventLoop loop, Http2Connection connection, string service, TimeSpan sessionTimeout, TimeSpan? heartbeatInterval = null)
    {
        Call(loop, connection, Configurations + "CreateServiceInstance", new V1.CreateServiceInstanceRequest { ServiceSid = service });
        Configure(loop, connection, service, sessionTimeout, heartbeatInterval);
    }

    /// <summary>Switches reachability on, and sets the session timeout and the interval, which is 1 s by default.</summary>
    public static void Configure(
        EventLoop loop, Http2Connection connection, string service, TimeSpan sessionTimeout, TimeSpan? heartbeatInterval = null) =>
        Call(loop, connection, Configurations + "UpdateConfiguration", new V1.UpdateConfigurationRequest
        {
            Configuration = new V1.Configuration
            {
                ServiceSid = service,
                ReachabilityEnabled = true,
                HeartbeatInterval = Google.Protobuf.WellKnownTypes.Duration.FromTimeSpan(heartbeatInterval ?? TimeSpan.FromSeconds(1)),
                SessionTimeout = Google.Protobuf.WellKnownTypes.Duration.FromTimeSpan(sessionTimeout),
            },
            UpdateMask = new() { Paths = { "reachability_enabled", "heartbeat_interval", "session_timeout" } },
        });

    /// <summary>Makes one unary call and waits for its reply.</summary>
    public static void Call(EventLoop loop, Http2Connection connection, string path, IMessage request) =>
        new UnaryLoad([connection], 1, path, [request.ToByteArray()]).CallAll(loop, TimeSpan.FromSeconds(30));

    /// <inheritdoc/>
    public void Dispose() => Process.Dispose();

    private static PresenceServer StartWith(IEnumerable<string> settings) =>
        new(ServerProcess.StartSelf(["serve", "--port", "0", "--rest-port", "off", .. settings]));
}
