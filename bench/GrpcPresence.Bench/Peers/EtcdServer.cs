using GrpcPresence.Bench.Machine;

namespace GrpcPresence.Bench.Peers;

/// <summary>
/// etcd of Debian's package <c>etcd-server</c>: one member, with its data on the same disk as the server of this project.
/// </summary>
internal sealed class EtcdServer : IDisposable
{
    private EtcdServer(ServerProcess process, int port)
    {
        Process = process;
        Port = port;
        process.WaitForLine("ready to serve client requests");
    }

    /// <summary>The paths of its methods.</summary>
    public static string PutPath => "/etcdserverpb.KV/Put";

    /// <inheritdoc cref="PutPath"/>
    public static string WatchPath => "/etcdserverpb.Watch/Watch";

    /// <inheritdoc cref="PutPath"/>
    public static string LeaseGrantPath => "/etcdserverpb.Lease/LeaseGrant";

    /// <inheritdoc cref="PutPath"/>
    public static string LeaseKeepAlivePath => "/etcdserverpb.Lease/LeaseKeepAlive";

    /// <summary>The process.</summary>
    public ServerProcess Process { get; }

    /// <summary>The port.</summary>
    public int Port { get; }

    /// <summary>Starts etcd; returns null if it is not installed.</summary>
    public static EtcdServer? TryStart(Workspace workspace)
    {
        if (Programs.Find("etcd") is not { } program)
            return null;
        var (port, peerPort) = (Programs.FreePort(), Programs.FreePort());
        return new EtcdServer(
            ServerProcess.Start(
                program,
                "--data-dir", workspace.NewPath("etcd"),
                "--listen-client-urls", $"http://127.0.0.1:{port}",
                "--advertise-client-urls", $"http://127.0.0.1:{port}",
                "--listen-peer-urls", $"http://127.0.0.1:{peerPort}",
                "--initial-advertise-peer-urls", $"http://127.0.0.1:{peerPort}",
                "--initial-cluster", $"default=http://127.0.0.1:{peerPort}"),
            port);
    }

    /// <inheritdoc/>
    public void Dispose() => Process.Dispose();
}
