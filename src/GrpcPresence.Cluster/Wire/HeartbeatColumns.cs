using System.Collections.Immutable;
using GrpcPresence.Core.Cluster.Channel;
using GrpcPresence.Core.Cluster.Routing;
using GrpcPresence.Core.Domain.Cluster;
using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Domain.Users;
using GrpcPresence.Core.Presence;

namespace GrpcPresence.Cluster.Wire;

/// <summary>
/// Converts heartbeats that follow each other in a batch to lists, one for each property, and back. A message for each heartbeat would cost
/// several objects and lengths; so a heartbeat costs its two texts and a few numbers.
/// </summary>
internal static class HeartbeatColumns
{
    private const uint MayCreate = 1;
    private const uint HasSid = 2;
    private const uint HasStream = 4;
    private const uint EndsOnClose = 8;
    private const uint OtherIngress = 16;

    /// <summary>Converts the heartbeats from the index on, and returns the index of the first other item.</summary>
    public static int Encode(ImmutableArray<LinkItem> items, int index, NodeId from, V1.Heartbeats columns)
    {
        var count = 0;
        while (index + count < items.Length && items[index + count] is HeartbeatItem)
            count++;
        columns.Calls.Capacity = count;
        columns.Shards.Capacity = count;
        columns.Identities.Capacity = count;
        columns.Sessions.Capacity = count;
        columns.Flags.Capacity = count;
        var services = new ServiceList(columns);
        var lastCall = 0L;
        for (var end = index + count; index < end; index++)
        {
            var item = (HeartbeatItem)items[index];
            columns.Calls.Add(unchecked(item.Call - lastCall));
            lastCall = item.Call;
            columns.Shards.Add((uint)item.Shard.Number);
            services.Add(item.Service, item.ServiceId, index: columns.Identities.Count);
            columns.Identities.Add(item.User.Identity.ToString());
            columns.Sessions.Add(item.Session.ToString());
            columns.Flags.Add(AddFlagged(item, from, columns));
        }
        return index;
    }

    /// <summary>Adds the heartbeats to the items of a batch.</summary>
    /// <exception cref="InvalidMessageException">The lists do not fit together.</exception>
    public static void Decode(V1.Heartbeats columns, NodeId from, ImmutableArray<LinkItem>.Builder items)
    {
        var count = columns.Calls.Count;
        if (columns.Shards.Count != count || columns.Identities.Count != count || columns.Sessions.Count != count
            || columns.Flags.Count != count || (columns.ServicePositions.Count != count && columns.ServicePositions.Count != 0))
        {
            throw new InvalidMessageException("The lists of heartbeats have different lengths.");
        }
        items.Capacity = Math.Max(items.Capacity, items.Count + count);
        var (call, sids, streams, ingresses) = (0L, 0, 0, 0);
        RoutedStream? stream = null;
        for (var index = 0; index < count; index++)
        {
            call = unchecked(call + columns.Calls[index]);
            var flags = columns.Flags[index];
            var service = columns.Services[columns.ServicePositions.Count == 0 ? 0 : (int)columns.ServicePositions[index]];
            UserSid? sid = null;
            if ((flags & HasSid) != 0)
            {
                sid = new UserSid(Values.Join(columns.UserSids[sids], columns.UserSids[sids + 1]));
                sids += 2;
            }
            if ((flags & HasStream) != 0)
            {
                var ingress = (flags & OtherIngress) != 0 ? Values.Decode(columns.Ingresses[ingresses++]) : from;
                var id = new StreamId(ingress, columns.Streams[streams++]);
                var endsOnClose = (flags & EndsOnClose) != 0;
                // A stream sends many heartbeats in one message.
                if (stream is null || stream.Id != id || stream.EndSessionsOnClose != endsOnClose)
                    stream = new RoutedStream(id, endsOnClose);
            }
            items.Add(new HeartbeatItem(
                call,
                Values.DecodeShard(columns.Shards[index]),
                Values.Decode(service),
                service.Id,
                new UserRef(Values.DecodeIdentity(columns.Identities[index]), sid, (flags & MayCreate) != 0),
                Values.DecodeSession(columns.Sessions[index]),
                (flags & HasStream) != 0 ? stream : null));
        }
    }

    private static uint AddFlagged(HeartbeatItem item, NodeId from, V1.Heartbeats columns)
    {
        var flags = item.User.MayCreate ? MayCreate : 0;
        if (item.User.Sid is { } sid)
        {
            flags |= HasSid;
            columns.UserSids.Add(Values.High(sid.Value));
            columns.UserSids.Add(Values.Low(sid.Value));
        }
        if (item.Stream is { } stream)
        {
            flags |= HasStream;
            if (stream.EndSessionsOnClose)
                flags |= EndsOnClose;
            columns.Streams.Add(stream.Id.Number);
            if (stream.Id.Ingress != from)
            {
                flags |= OtherIngress;
                columns.Ingresses.Add(Values.Encode(stream.Id.Ingress));
            }
        }
        return flags;
    }

    /// <summary>Names each service instance once. Most batches have one, and most neighbours have the same.</summary>
    private ref struct ServiceList(V1.Heartbeats columns)
    {
        private Dictionary<(ServiceSid, long), uint>? _positions;
        private (ServiceSid, long) _last;
        private uint _lastPosition;

        public void Add(ServiceSid service, long id, int index)
        {
            var key = (service, id);
            if (columns.Services.Count == 0)
            {
                columns.Services.Add(Values.Encode(service, id));
                _last = key;
                return;
            }
            if (key != _last)
            {
                if (_positions is null)
                {
                    _positions = new() { [_last] = 0 };
                    // Those before belong to the first one.
                    for (var earlier = 0; earlier < index; earlier++)
                        columns.ServicePositions.Add(0);
                }
                if (!_positions.TryGetValue(key, out _lastPosition))
                {
                    _lastPosition = (uint)columns.Services.Count;
                    _positions.Add(key, _lastPosition);
                    columns.Services.Add(Values.Encode(service, id));
                }
                _last = key;
            }
            if (_positions is not null)
                columns.ServicePositions.Add(_lastPosition);
        }
    }
}
