using System.Globalization;

namespace GrpcPresence.Bench.Peers;

/// <summary>gRPC alone, on the same framework and listener as the server of this project: the lower bound of any cost.</summary>
internal sealed class BareServer : IDisposable
{
    private BareServer(ServerProcess process)
    {
        Process = process;
        Port = int.Parse(process.WaitForLine("listening").Split(' ')[^1], CultureInfo.InvariantCulture);
    }

    /// <summary>The path of a unary method that does nothing.</summary>
    public static string AnswerPath => "/bare.v1.BareService/Answer";

    /// <summary>The path of a stream with one message and no more.</summary>
    public static string IdlePath => "/bare.v1.BareService/Idle";

    /// <summary>The process.</summary>
    public ServerProcess Process { get; }

    /// <summary>The port.</summary>
    public int Port { get; }

    /// <summary>Starts the server.</summary>
    public static BareServer Start() => new(ServerProcess.StartSelf("serve-bare"));

    /// <inheritdoc/>
    public void Dispose() => Process.Dispose();
}
