using System.Net;
using System.Net.Sockets;

namespace GrpcPresence.Bench.Peers;

/// <summary>Finds the programs of the peers, and ports for them.</summary>
internal static class Programs
{
    /// <summary>Returns the path of the program; null if it is not installed.</summary>
    public static string? Find(string name) =>
        $"{Environment.GetEnvironmentVariable("PATH")}:/usr/sbin:/usr/local/sbin"
            .Split(':', StringSplitOptions.RemoveEmptyEntries)
            .Select(directory => Path.Combine(directory, name))
            .FirstOrDefault(File.Exists);

    /// <summary>Returns a loopback port that was free a moment ago, for peers that cannot choose one themselves.</summary>
    public static int FreePort()
    {
        using var probe = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        probe.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        return ((IPEndPoint)probe.LocalEndPoint!).Port;
    }
}
