using System.Text;
using Google.Protobuf;
using GrpcPresence.Bench.Etcd;
using GrpcPresence.Bench.Load;
using GrpcPresence.Bench.Machine;
using GrpcPresence.Bench.Peers;
using GrpcPresence.Bench.Scenarios;

namespace GrpcPresence.Bench.FanOut;

/// <summary>
/// Watches of a prefix of etcd's keys, each on its own stream like those of separate clients, and puts of keys with the prefix.
/// </summary>
internal sealed class EtcdFanOut : IFanOut, IStreamHandler
{
    private const int CreatedField = 3;
    private const int EventsField = 11;
    private const int KeyValueField = 2; // of an event
    private const int KeyField = 1; // of a key-value pair
    private const int PutsAtOnce = 64;
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(1);

    private readonly EtcdServer _server;
    private readonly EventLoop _loop;
    private readonly IReadOnlyList<Http2Connection> _publishing;
    private readonly byte[][] _puts;
    private readonly DeliveryClock? _clock;
    private int _next;
    private int _ready;

    private EtcdFanOut(EtcdServer server, EventLoop loop, int keys, int valueBytes, int connections, int watchersEach, DeliveryClock? clock)
    {
        _clock = clock;
        _server = server;
        _loop = loop;
        _publishing = [new Http2Connection(loop, server.Port)];
        var value = ByteString.CopyFrom(new byte[valueBytes]);
        _puts =
        [
            .. Enumerable.Range(0, keys).Select(
                key => new PutRequest { Key = ByteString.CopyFromUtf8(Population.IdentityOf(key)), Value = value }.ToByteArray()),
        ];
        var headers = HeaderBlock.OfCall(EtcdServer.WatchPath);
        var request = new WatchRequest
        {
            CreateRequest = new() { Key = ByteString.CopyFromUtf8("user-"), RangeEnd = ByteString.CopyFrom("user.", Encoding.ASCII) },
        }.ToByteArray();
        foreach (var connection in Http2Connection.Several(loop, server.Port, connections))
        {
            for (var i = 0; i < watchersEach; i++)
                connection.Open(headers, this).Send(request);
        }
        loop.RunUntil(() => _ready == connections * watchersEach, Limit, "etcd has created all watchers");
    }

    /// <inheritdoc/>
    public string Name => "etcd";

    /// <inheritdoc/>
    public ServerProcess Server => _server.Process;

    /// <inheritdoc/>
    public long Delivered { get; private set; }

    /// <summary>Starts etcd and opens the watches; returns null if etcd is not installed.</summary>
    public static EtcdFanOut? TryStart(
        Workspace workspace, EventLoop loop, int keys, int valueBytes, int connections, int watchersEach, DeliveryClock? clock = null) =>
        EtcdServer.TryStart(workspace) is { } server
            ? new EtcdFanOut(server, loop, keys, valueBytes, connections, watchersEach, clock)
            : null;

    /// <inheritdoc/>
    public void Publish(int changes)
    {
        _clock?.Sent(_next);
        var puts = Enumerable.Range(_next, changes).Select(put => _puts[put % _puts.Length]).ToArray();
        _next = (_next + changes) % _puts.Length;
        if (changes == 1)
            new UnaryLoad(_publishing, 1, EtcdServer.PutPath, puts).CallOnce();
        else
            new UnaryLoad(_publishing, PutsAtOnce, EtcdServer.PutPath, puts).CallAll(_loop, Limit);
    }

    /// <inheritdoc/>
    public void OnMessage(Http2Stream stream, ReadOnlySpan<byte> message)
    {
        var fields = new ProtoFields(message);
        while (fields.Next())
        {
            if (fields.Number == EventsField)
            {
                Delivered++;
                _clock?.Arrived(ProtoFields.Find(ProtoFields.Find(fields.Value, KeyValueField), KeyField));
            }
            else if (fields.Number == CreatedField)
            {
                _ready++;
            }
        }
    }

    /// <inheritdoc/>
    public void OnEnded(Http2Stream stream, ReadOnlySpan<byte> trailers) =>
        throw new IOException($"A watch of etcd ended: {Http2Stream.Describe(trailers)}");

    /// <inheritdoc/>
    public void Dispose() => _server.Dispose();
}
