using System.Globalization;
using System.Text;
using GrpcPresence.Bench.Load;
using GrpcPresence.Bench.Peers;

namespace GrpcPresence.Bench.FanOut;

/// <summary>NATS core: subscriptions to one subject, each on its own connection or several on one.</summary>
internal sealed class NatsFanOut : IFanOut
{
    private const int FirstSubscription = 100; // has as many digits as the last, so that all messages have the same size
    private const int MaxSubscriptions = 900;
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(1);

    private readonly byte[] _publish;
    private readonly PubSubConnection _publisher;

    private NatsFanOut(ServerProcess server, int port, EventLoop loop, int payloadBytes, int connections, int watchersEach)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(watchersEach, MaxSubscriptions);
        Server = server;
        Name = watchersEach == 1 ? "NATS" : $"NATS, {connections} connections";
        server.WaitForLine("Server is ready");
        var payload = new string('x', payloadBytes);
        _publish = Encoding.ASCII.GetBytes(
            string.Create(CultureInfo.InvariantCulture, $"PUB users {payloadBytes}\r\n{payload}\r\n"));
        var messageBytes = string.Create(
            CultureInfo.InvariantCulture, $"MSG users {FirstSubscription} {payloadBytes}\r\n{payload}\r\n").Length;
        var subscribers = new List<PubSubConnection>();
        for (var i = 0; i < connections; i++)
        {
            var subscriber = Connect(loop, port, count => Delivered += count);
            subscriber.MessageBytes = messageBytes;
            for (var subscription = 0; subscription < watchersEach; subscription++)
            {
                subscriber.Send(Encoding.ASCII.GetBytes(
                    string.Create(CultureInfo.InvariantCulture, $"SUB users {FirstSubscription + subscription}\r\n")));
            }
            subscriber.Send("PING\r\n"u8);
            subscribers.Add(subscriber);
        }
        // INFO, and PONG after the last subscription.
        loop.RunUntil(() => subscribers.All(subscriber => subscriber.Lines == 2), Limit, "all subscriptions are made");
        _publisher = Connect(loop, port, _ => { });
    }

    /// <inheritdoc/>
    public string Name { get; }

    /// <inheritdoc/>
    public ServerProcess Server { get; }

    /// <inheritdoc/>
    public long Delivered { get; private set; }

    /// <summary>Starts NATS and subscribes; returns null if NATS is not installed.</summary>
    public static NatsFanOut? TryStart(EventLoop loop, int payloadBytes, int connections, int watchersEach)
    {
        if (Programs.Find("nats-server") is not { } program)
            return null;
        var port = Programs.FreePort();
        return new NatsFanOut(
            ServerProcess.Start(program, "-a", "127.0.0.1", "-p", $"{port}"), port, loop, payloadBytes, connections, watchersEach);
    }

    /// <inheritdoc/>
    public void Publish(int changes)
    {
        for (; changes > 0; changes--)
            _publisher.Send(_publish);
    }

    /// <inheritdoc/>
    public void Dispose() => Server.Dispose();

    private static PubSubConnection Connect(EventLoop loop, int port, Action<int> delivered)
    {
        var connection = new PubSubConnection(loop, port, (byte)'M', delivered);
        connection.Send("CONNECT {\"verbose\":false,\"pedantic\":false,\"echo\":true}\r\n"u8);
        return connection;
    }
}
