using System.Numerics;
using GrpcPresence.Core.Domain.Cluster;

namespace GrpcPresence.Core.Cluster.Shards;

/// <summary>
/// A set of shards, in one bit each. Not safe from several threads, apart from <see cref="Add"/>, <see cref="Has"/>, <see cref="Word"/>
/// and <see cref="Take"/>.
/// </summary>
internal sealed class ShardBits
{
    /// <summary>The number of words.</summary>
    public const int Words = Shard.Count / WordBits;

    private const int WordBits = 64;

    private readonly ulong[] _words = new ulong[Words];

    /// <summary>Whether the set has no shard.</summary>
    public bool IsEmpty => !_words.AsSpan().ContainsAnyExcept(0UL);

    /// <summary>Returns the shard of a bit.</summary>
    public static Shard ShardOf(int word, ulong bits) => new((word * WordBits) + BitOperations.TrailingZeroCount(bits));

    /// <summary>Whether the set has the shard.</summary>
    public bool Has(Shard shard) => (Volatile.Read(ref _words[shard.Number / WordBits]) & (1UL << (shard.Number % WordBits))) != 0;

    /// <summary>Returns a word: the bits of 64 shards. Safe from any thread.</summary>
    public ulong Word(int word) => Volatile.Read(ref _words[word]);

    /// <summary>Adds a shard.</summary>
    public void Add(Shard shard) => Interlocked.Or(ref _words[shard.Number / WordBits], 1UL << (shard.Number % WordBits));

    /// <summary>Adds all shards.</summary>
    public void AddAll() => Array.Fill(_words, ulong.MaxValue);

    /// <summary>Adds or removes a shard.</summary>
    public void Set(Shard shard, bool isIn)
    {
        var bit = 1UL << (shard.Number % WordBits);
        ref var word = ref _words[shard.Number / WordBits];
        word = isIn ? word | bit : word & ~bit;
    }

    /// <summary>Returns a word, and removes its shards.</summary>
    public ulong Take(int word) => Volatile.Read(ref _words[word]) == 0 ? 0 : Interlocked.Exchange(ref _words[word], 0);
}
