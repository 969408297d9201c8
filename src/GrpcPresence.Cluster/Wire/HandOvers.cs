using GrpcPresence.Core.Cluster.Ownership;
using GrpcPresence.Core.Domain.Users;
using GrpcPresence.Core.Presence.HandOver;
using GrpcPresence.Core.Storage;

namespace GrpcPresence.Cluster.Wire;

/// <summary>Converts the parts of hand-overs.</summary>
internal static class HandOvers
{
    public static V1.HandOver Encode(HandOverItem item)
    {
        var encoded = new V1.HandOver { Id = item.Id, Shard = (uint)item.Shard.Number };
        switch (item)
        {
            case HandOverBegin it:
                encoded.Begin = new() { Holder = Values.Encode(it.Holder), TakenOver = it.Start.TakenOver.Total.Ticks };
                if (it.Start.TakenOver.AliveTime is { } time)
                    encoded.Begin.AliveTime = Values.Encode(time);
                encoded.Begin.Streams.AddRange(it.Start.Streams.Select(Encode));
                break;
            case HandOverPage it:
                encoded.Page = new();
                encoded.Page.Users.AddRange(it.Users.Select(Encode));
                break;
            case HandOverEnd it:
                encoded.End = it.Users;
                break;
            case HandOverReceived it:
                encoded.Received = it.Users;
                break;
            case HandOverAccepted:
                encoded.Accepted = true;
                break;
            case HandOverGivenUp:
                encoded.GivenUp = true;
                break;
            case HandOverDone it:
                encoded.Done = Values.Encode(it.Holder);
                break;
            default:
                throw new NotSupportedException($"The item {item.GetType().Name} has no form on the wire.");
        }
        return encoded;
    }

    /// <summary>Returns null for a part of a later version.</summary>
    public static HandOverItem? Decode(V1.HandOver item)
    {
        var shard = Values.DecodeShard(item.Shard);
        return item.PartCase switch
        {
            V1.HandOver.PartOneofCase.Begin => new HandOverBegin(item.Id, shard, Values.Decode(item.Begin.Holder), DecodeStart(item.Begin)),
            V1.HandOver.PartOneofCase.Page => new HandOverPage(item.Id, shard, [.. item.Page.Users.Select(Decode)]),
            V1.HandOver.PartOneofCase.End => new HandOverEnd(item.Id, shard, item.End),
            V1.HandOver.PartOneofCase.Received => new HandOverReceived(item.Id, shard, item.Received),
            V1.HandOver.PartOneofCase.Accepted => new HandOverAccepted(item.Id, shard),
            V1.HandOver.PartOneofCase.GivenUp => new HandOverGivenUp(item.Id, shard),
            V1.HandOver.PartOneofCase.Done => new HandOverDone(item.Id, shard, Values.Decode(item.Done)),
            _ => null,
        };
    }

    private static HandOverStart DecodeStart(V1.HandOverBegin begin) => new(
        new ServerUptime(begin.HasAliveTime ? Values.DecodeTime(begin.AliveTime) : null, TimeSpan.FromTicks(begin.TakenOver)),
        [.. begin.Streams.Select(Decode)]);

    private static V1.HandedStream Encode(HandedStream stream) =>
        new() { Stream = Values.Encode(stream.Id), Order = stream.Order, EndSessionsOnClose = stream.EndSessionsOnClose };

    private static HandedStream Decode(V1.HandedStream stream) =>
        new(Values.Decode(stream.Stream), stream.Order, stream.EndSessionsOnClose);

    private static V1.HandedUser Encode(HandedUser user)
    {
        var encoded = new V1.HandedUser
        {
            Service = Values.Encode(user.Service, user.ServiceId),
            Identity = user.Identity.ToString(),
            SidHigh = Values.High(user.Sid.Value),
            SidLow = Values.Low(user.Sid.Value),
            StoreId = user.StoreId,
            IsOnline = user.Presence.IsOnline,
            Switch = user.Presence.Switch,
            CameOnline = user.Presence.CameOnline,
            MayCreate = user.Presence.MayCreate,
            AliveAt = user.AliveAt.Ticks,
            IsUnseen = user.IsUnseen,
            IsDeleted = user.IsDeleted,
        };
        foreach (var (id, remaining, sinceBeat, stream) in user.Sessions)
        {
            encoded.Sessions.Add(new V1.HandedSession
            {
                Id = id.ToString(),
                Remaining = remaining.Ticks,
                SinceBeat = sinceBeat.Ticks,
                Stream = stream is null ? null : Encode(stream),
            });
        }
        foreach (var (id, remaining, isStored) in user.Ended)
            encoded.Ended.Add(new V1.HandedEnd { Id = id.ToString(), Remaining = remaining.Ticks, IsStored = isStored });
        return encoded;
    }

    private static HandedUser Decode(V1.HandedUser user) => new()
    {
        Service = Values.Decode(user.Service),
        ServiceId = user.Service.Id,
        Identity = Values.DecodeIdentity(user.Identity),
        Sid = new UserSid(Values.Join(user.SidHigh, user.SidLow)),
        StoreId = user.StoreId,
        Presence = new HandedPresence(user.IsOnline, user.Switch, user.CameOnline, user.MayCreate),
        AliveAt = TimeSpan.FromTicks(user.AliveAt),
        IsUnseen = user.IsUnseen,
        Sessions = [.. user.Sessions.Select(session => new HandedSession(
            Values.DecodeSession(session.Id),
            TimeSpan.FromTicks(session.Remaining),
            TimeSpan.FromTicks(session.SinceBeat),
            session.Stream is null ? null : Decode(session.Stream)))],
        Ended = [.. user.Ended.Select(end => new HandedEnd(
            Values.DecodeSession(end.Id), TimeSpan.FromTicks(end.Remaining), end.IsStored))],
        IsDeleted = user.IsDeleted,
    };
}
