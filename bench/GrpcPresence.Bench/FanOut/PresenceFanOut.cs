using Google.Protobuf;
using GrpcPresence.Bench.Load;
using GrpcPresence.Bench.Peers;
using GrpcPresence.Bench.Scenarios;

namespace GrpcPresence.Bench.FanOut;

/// <summary>
/// Watches of a whole service instance. Users come online and go offline by heartbeats and session ends on one stream. A user changes again
/// only after all others, so that nothing in a burst is conflated.
/// </summary>
internal sealed class PresenceFanOut : IFanOut, IStreamHandler
{
    private const int ChangesPerMessage = 1000;
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(1);

    private readonly PresenceServer _server;
    private readonly Http2Stream _publisher;
    private readonly Http2Connection _publishing;
    private readonly DeliveryClock? _clock;
    private readonly byte[] _heartbeat = HeaderBlock.OfCall(PresenceServer.HeartbeatPath);
    private readonly int[] _rounds; // of each user: even when offline, odd when online
    private readonly int _watchers;
    private int _next;
    private int _published; // messages
    private int _ready;

    /// <summary>Makes all users known and offline, and opens the watches. The server belongs to the new object.</summary>
    public PresenceFanOut(
        string name, PresenceServer server, EventLoop loop, int users, int connections, int watchersEach, DeliveryClock? clock = null)
    {
        Name = name;
        _server = server;
        _clock = clock;
        _rounds = new int[users];
        _watchers = connections * watchersEach;
        _publishing = new Http2Connection(loop, _server.Port);
        _publisher = _publishing.Open(HeaderBlock.OfCall(PresenceServer.StreamHeartbeatsPath), new PublisherHandler());
        _publisher.Send(Population.StreamStart());
        Publish(users);
        loop.RunUntil(() => _publisher.Messages == 1 + _published, Limit, "all users are online");
        Publish(users);
        loop.RunUntil(() => _publisher.Messages == 1 + _published, Limit, "all users are offline");

        var headers = HeaderBlock.OfCall(PresenceServer.WatchUsersPath);
        var request = new V1.WatchUsersRequest
        {
            ServiceSid = PresenceServer.Service,
            View = V1.UserView.Reachability,
            Start = V1.WatchStart.Now,
        }.ToByteArray();
        foreach (var connection in Http2Connection.Several(loop, _server.Port, connections))
        {
            for (var i = 0; i < watchersEach; i++)
                connection.Open(headers, this).Send(request, end: true);
        }
        loop.RunUntil(() => _ready == _watchers, Limit, "all watches are synced");
    }

    /// <inheritdoc/>
    public string Name { get; }

    /// <inheritdoc/>
    public ServerProcess Server => _server.Process;

    /// <inheritdoc/>
    public long Delivered { get; private set; }

    /// <summary>Bytes of the delivered updates, without the fields that are sent once per message.</summary>
    public long DeliveredBytes { get; private set; }

    /// <inheritdoc/>
    public void Publish(int changes)
    {
        for (; changes > ChangesPerMessage; changes -= ChangesPerMessage)
            PublishMessages(ChangesPerMessage);
        PublishMessages(changes);
    }

    /// <summary>Publishes one change by a unary heartbeat, the first of its session. The next user in turn must be offline.</summary>
    public void PublishByHeartbeat()
    {
        var (user, round) = NextTurn();
        var request = new V1.HeartbeatRequest
        {
            ServiceSid = PresenceServer.Service,
            UserKey = Population.IdentityOf(user),
            SessionId = Population.SessionOf(user, round / 2),
        };
        _publishing.Open(_heartbeat, new HeartbeatHandler()).Send(request.ToByteArray(), end: true);
    }

    /// <inheritdoc/>
    public void OnMessage(Http2Stream stream, ReadOnlySpan<byte> message)
    {
        var fields = new ProtoFields(message);
        while (fields.Next())
        {
            if (fields.Number == V1.WatchUsersResponse.SyncedFieldNumber)
            {
                _ready++;
            }
            else if (fields.Number == V1.WatchUsersResponse.UpdatesFieldNumber)
            {
                var updates = new ProtoFields(fields.Value);
                while (updates.Next())
                {
                    Delivered++;
                    _clock?.Arrived(IdentityIn(updates.Value));
                }
                DeliveredBytes += fields.Value.Length;
            }
        }
    }

    /// <inheritdoc/>
    public void OnEnded(Http2Stream stream, ReadOnlySpan<byte> trailers) =>
        throw new IOException($"A watch ended: {Http2Stream.Describe(trailers)}");

    /// <inheritdoc/>
    public void Dispose() => _server.Dispose();

    /// <summary>Returns the identity in an encoded <c>UserUpdate</c>.</summary>
    public static ReadOnlySpan<byte> IdentityIn(ReadOnlySpan<byte> update) =>
        ProtoFields.Find(ProtoFields.Find(update, V1.UserUpdate.UserFieldNumber), V1.User.IdentityFieldNumber);

    private void PublishMessages(int changes)
    {
        var beats = new V1.HeartbeatStreamBeats();
        var ends = new V1.HeartbeatStreamEnds();
        for (; changes > 0; changes--)
        {
            var (user, round) = NextTurn();
            var beat = new V1.SessionBeat { UserKey = Population.IdentityOf(user), SessionId = Population.SessionOf(user, round / 2) };
            if (round % 2 == 0)
                beats.Beats.Add(beat);
            else
                ends.Ends.Add(beat);
        }
        if (beats.Beats.Count > 0)
            Send(new V1.StreamHeartbeatsRequest { Beats = beats });
        if (ends.Ends.Count > 0)
            Send(new V1.StreamHeartbeatsRequest { Ends = ends });
    }

    private void Send(V1.StreamHeartbeatsRequest message)
    {
        _publisher.Send(message.ToByteArray());
        _published++;
    }

    private (int User, int Round) NextTurn()
    {
        var user = _next;
        _next = (_next + 1) % _rounds.Length;
        _clock?.Sent(user);
        return (user, _rounds[user]++);
    }

    private sealed class HeartbeatHandler : IStreamHandler
    {
        public void OnMessage(Http2Stream stream, ReadOnlySpan<byte> message)
        {
        }

        public void OnEnded(Http2Stream stream, ReadOnlySpan<byte> trailers)
        {
            if (stream.Messages == 0)
                throw new IOException($"A heartbeat failed: {Http2Stream.Describe(trailers)}");
        }
    }

    private sealed class PublisherHandler : IStreamHandler
    {
        public void OnMessage(Http2Stream stream, ReadOnlySpan<byte> message)
        {
            if (V1.StreamHeartbeatsResponse.Parser.ParseFrom(message) is { Rejected.Count: > 0 } rejected)
                throw new IOException($"Not every change was accepted: {rejected}.");
        }

        public void OnEnded(Http2Stream stream, ReadOnlySpan<byte> trailers) =>
            throw new IOException($"The stream of heartbeats ended: {Http2Stream.Describe(trailers)}");
    }
}
