using System.Text;
using GrpcPresence.Bench.Load;
using GrpcPresence.Bench.Machine;
using GrpcPresence.Bench.Peers;

namespace GrpcPresence.Bench.FanOut;

/// <summary>Redis pub/sub: subscribers to one channel, each on its own connection, because a connection gets each message once.</summary>
internal sealed class RedisFanOut : IFanOut
{
    private const string Channel = "users";
    private const int LinesOfSubscription = 6; // *3, $9, subscribe, $5, users, :1
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(1);

    private readonly byte[] _publish;
    private readonly PubSubConnection _publisher;

    private RedisFanOut(ServerProcess server, int port, EventLoop loop, int payloadBytes, int watchers)
    {
        Server = server;
        server.WaitForLine("Ready to accept connections");
        var payload = new string('x', payloadBytes);
        _publish = Encoding.ASCII.GetBytes(Command("PUBLISH", Channel, payload));
        var subscribers = Enumerable.Range(0, watchers)
            .Select(_ => new PubSubConnection(loop, port, (byte)'*', count => Delivered += count))
            .ToList();
        foreach (var subscriber in subscribers)
            subscriber.Send(Encoding.ASCII.GetBytes(Command("SUBSCRIBE", Channel)));
        loop.RunUntil(
            () => subscribers.All(subscriber => subscriber.Lines == LinesOfSubscription), Limit, "all subscriptions are confirmed");
        foreach (var subscriber in subscribers)
            subscriber.MessageBytes = Command("message", Channel, payload).Length;
        _publisher = new PubSubConnection(loop, port, (byte)'*', _ => { });
    }

    /// <inheritdoc/>
    public string Name => "Redis";

    /// <inheritdoc/>
    public ServerProcess Server { get; }

    /// <inheritdoc/>
    public long Delivered { get; private set; }

    /// <summary>Starts Redis and subscribes; returns null if Redis is not installed.</summary>
    public static RedisFanOut? TryStart(Workspace workspace, EventLoop loop, int payloadBytes, int watchers)
    {
        if (Programs.Find("redis-server") is not { } program)
            return null;
        var port = Programs.FreePort();
        var directory = Directory.CreateDirectory(workspace.NewPath("redis")).FullName;
        var server = ServerProcess.Start(
            program, "--port", $"{port}", "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", directory,
            "--maxclients", $"{watchers + 100}");
        return new RedisFanOut(server, port, loop, payloadBytes, watchers);
    }

    /// <inheritdoc/>
    public void Publish(int changes)
    {
        for (; changes > 0; changes--)
            _publisher.Send(_publish);
    }

    /// <inheritdoc/>
    public void Dispose() => Server.Dispose();

    private static string Command(params string[] words) =>
        $"*{words.Length}\r\n" + string.Concat(words.Select(word => $"${word.Length}\r\n{word}\r\n"));
}
