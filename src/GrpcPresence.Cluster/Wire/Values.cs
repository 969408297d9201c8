using Google.Protobuf.Collections;
using GrpcPresence.Core.Cluster.Shards;
using GrpcPresence.Core.Domain.Cluster;
using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Domain.Users;
using GrpcPresence.Core.Storage;

namespace GrpcPresence.Cluster.Wire;

/// <summary>Converts the values that several messages contain.</summary>
internal static class Values
{
    public static V1.Node Encode(NodeId node) => new() { Name = node.Name, Incarnation = node.Incarnation };

    public static V1.Node? Encode(NodeId? node) => node is { } value ? Encode(value) : null;

    public static NodeId Decode(V1.Node node) => new(node.Name, node.Incarnation);

    public static NodeId? DecodeOptional(V1.Node? node) => node is null ? null : Decode(node);

    public static V1.Data Encode(DataIdentity data)
    {
        var encoded = new V1.Data { Timeline = data.Timeline };
        if (data.Server is { } server)
            encoded.Server = server;
        return encoded;
    }

    public static DataIdentity Decode(V1.Data data) => new(data.HasServer ? data.Server : null, data.Timeline);

    public static V1.KnownHolder Encode(KnownHolder holder) =>
        new() { Node = Encode(holder.Node), Epoch = holder.Epoch, Data = Encode(holder.Data) };

    public static KnownHolder Decode(V1.KnownHolder holder) =>
        new(DecodeOptional(holder.Node), holder.Epoch, Decode(holder.Data));

    public static V1.Stream Encode(StreamId stream) => new() { Ingress = Encode(stream.Ingress), Number = stream.Number };

    public static StreamId Decode(V1.Stream stream) => new(Decode(stream.Ingress), stream.Number);

    public static V1.Service Encode(ServiceSid service, long id) =>
        new() { SidHigh = High(service.Value), SidLow = Low(service.Value), Id = id };

    public static ServiceSid Decode(V1.Service service) => new(Join(service.SidHigh, service.SidLow));

    public static ulong High(UInt128 value) => (ulong)(value >> 64);

    public static ulong Low(UInt128 value) => (ulong)value;

    public static UInt128 Join(ulong high, ulong low) => new(high, low);

    /// <summary>Adds the halves of SIDs to a list.</summary>
    public static void Add(RepeatedField<ulong> halves, IReadOnlyCollection<ServiceSid> services)
    {
        halves.Capacity = 2 * services.Count;
        foreach (var service in services)
        {
            halves.Add(High(service.Value));
            halves.Add(Low(service.Value));
        }
    }

    /// <summary>Reads a list of halves of SIDs.</summary>
    public static ServiceSid[] Decode(RepeatedField<ulong> halves)
    {
        if (halves.Count % 2 != 0)
            throw new InvalidMessageException("Half of a SID is missing.");
        var services = new ServiceSid[halves.Count / 2];
        for (var index = 0; index < services.Length; index++)
            services[index] = new ServiceSid(Join(halves[2 * index], halves[(2 * index) + 1]));
        return services;
    }

    /// <summary>Checks the number of a shard: it is the index of arrays.</summary>
    public static Shard DecodeShard(uint number) => number < Shard.Count
        ? new Shard((int)number)
        : throw new InvalidMessageException("The number of a shard is too high.");

    public static Identity DecodeIdentity(string text) => text.Length == 0 ? default : Identity.FromTrusted(text);

    public static SessionId DecodeSession(string text) => text.Length == 0 ? default : SessionId.FromTrusted(text);

    public static RoleSid DecodeRole(string text) =>
        RoleSid.TryParse(text, out var role) ? role : throw new InvalidMessageException("A role has not the form of a SID.");

    /// <summary>A reason that only a later version knows is an internal error for this one.</summary>
    public static ErrorReason DecodeReason(int number) =>
        Enum.IsDefined((ErrorReason)number) ? (ErrorReason)number : ErrorReason.Internal;

    public static long Encode(DateTimeOffset time) => time.UtcTicks;

    public static DateTimeOffset DecodeTime(long ticks) => new(ticks, TimeSpan.Zero);
}
