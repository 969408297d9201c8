using System.Buffers.Binary;
using System.Numerics;
using System.Text;
using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Domain.Users;

namespace GrpcPresence.Core.Domain.Cluster;

/// <summary>One of the <see cref="Count"/> parts of all users. One node at a time decides about the users of a shard.</summary>
/// <param name="Number">0 to <see cref="Count"/> - 1.</param>
public readonly record struct Shard(int Number)
{
    /// <summary>
    /// The number of shards. The store keeps shard numbers, so it never changes. A node of 100 still holds 10 shards, so that the load of
    /// nodes differs little.
    /// </summary>
    public const int Count = 1024;

    /// <summary>Returns the home shard of a service instance, whose holder decides what concerns the service instance as a whole.</summary>
    public static Shard Of(ServiceSid service) => Of(service, default);

    /// <summary>Returns the shard of a user, which need not exist.</summary>
    public static Shard Of(ServiceSid service, Identity user)
    {
        var text = user.ToString();
        Span<byte> bytes = stackalloc byte[Encoding.UTF8.GetMaxByteCount(Limits.IdentityLength * 2)];
        return new Shard((int)(Hash(service.Value, bytes[..Encoding.UTF8.GetBytes(text, bytes)]) % Count));
    }

    /// <inheritdoc/>
    public override string ToString() => $"{Number}";

    /// <summary>
    /// Returns a hash that is the same in every process and version: CRC-32C, mixed by the finalizer of SplitMix64, because the lowest bits
    /// of a CRC of similar texts are similar. It resists no attacker: a tenant that chooses identities can overload a shard of its own.
    /// </summary>
    internal static ulong Hash(UInt128 seed, ReadOnlySpan<byte> text)
    {
        var crc = BitOperations.Crc32C(uint.MaxValue, (ulong)(seed >> 64));
        crc = BitOperations.Crc32C(crc, (ulong)seed);
        for (; text.Length >= sizeof(ulong); text = text[sizeof(ulong)..])
            crc = BitOperations.Crc32C(crc, BinaryPrimitives.ReadUInt64LittleEndian(text));
        foreach (var item in text)
            crc = BitOperations.Crc32C(crc, item);
        var mixed = crc + 0x9E3779B97F4A7C15;
        mixed = (mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9;
        mixed = (mixed ^ (mixed >> 27)) * 0x94D049BB133111EB;
        return mixed ^ (mixed >> 31);
    }
}
