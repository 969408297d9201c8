using Google.Protobuf;
using GrpcPresence.Bench.Load;
using GrpcPresence.Bench.Peers;

namespace GrpcPresence.Bench.Scenarios;

/// <summary>
/// A tenant that uses as much of a server as it can: heartbeats in calls and in streams, and watches that it opens only to close them. It
/// ignores every error.
/// </summary>
internal sealed class NoisyTenant : ILoad
{
    /// <summary>Its users: so few that one second of any quota here brings all online.</summary>
    public const int Users = 1_000;

    private const string Service = "IS000000000000000000000000000be9c6";
    private const int Connections = 8;
    private const int CallsEach = 32;
    private const int StreamsEach = 1;
    private const int MessagesEach = 2;
    private const int BeatsEach = 100;
    private const int WatchesEach = 4;
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(30);

    private readonly UnaryLoad _calls;
    private readonly DialogueLoad _streams;
    private readonly WatchChurn _watches;
    private readonly ILoad[] _loads;
    private long _rejectedBeats;

    /// <summary>Creates the service instance, and brings its users online.</summary>
    public NoisyTenant(EventLoop loop, int port)
    {
        var connections = Http2Connection.Several(loop, port, Connections);
        PresenceServer.CreateService(loop, connections[0], Service, TimeSpan.FromHours(24));
        var users = Population.Shuffled(Users);
        _calls = new UnaryLoad(
            connections, CallsEach, PresenceServer.HeartbeatPath, Population.Heartbeats(users, Service), acceptsRejections: true);
        _streams = new DialogueLoad(
            connections, StreamsEach, MessagesEach, PresenceServer.StreamHeartbeatsPath, Population.StreamStart(Service),
            Population.Beats(users, BeatsEach),
            BeatsEach, CountRejected);
        _watches = new WatchChurn(
            connections, WatchesEach, PresenceServer.WatchUsersPath,
            new V1.WatchUsersRequest { ServiceSid = Service, Start = V1.WatchStart.Now, View = V1.UserView.Reachability }.ToByteArray());
        _loads = [_calls, _streams, _watches];
        _streams.SendAll(loop, Limit);
    }

    /// <summary>The number of accepted heartbeats.</summary>
    public long Operations => _calls.Operations + _streams.Operations - _rejectedBeats;

    /// <summary>The number of rejected heartbeats.</summary>
    public long Rejected => _calls.Rejected + _rejectedBeats;

    /// <summary>The number of accepted watches.</summary>
    public long Watches => _watches.Operations;

    /// <summary>The number of rejected watches.</summary>
    public long RejectedWatches => _watches.Rejected;

    /// <inheritdoc/>
    public bool IsIdle => _loads.All(load => load.IsIdle);

    /// <inheritdoc/>
    public void Start() => Array.ForEach(_loads, load => load.Start());

    /// <inheritdoc/>
    public void Stop() => Array.ForEach(_loads, load => load.Stop());

    private void CountRejected(ReadOnlySpan<byte> reply)
    {
        var fields = new ProtoFields(reply);
        while (fields.Next())
        {
            if (fields.Number == V1.StreamHeartbeatsResponse.RejectedFieldNumber)
                _rejectedBeats++;
        }
    }
}
