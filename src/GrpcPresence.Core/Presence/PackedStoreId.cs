using GrpcPresence.Core.Storage.Batches;

namespace GrpcPresence.Core.Presence;

/// <summary>
/// The store's key of a tracked user in four bytes: it fits into the gaps of <see cref="PresenceSync"/>, and eight would add sixteen bytes
/// to each of a million users. Keeps the counter of the key, because the user knows the service instance. A key that does not fit is not
/// kept, and the writer then finds the user by its identity.
/// </summary>
internal readonly record struct PackedStoreId
{
    private readonly uint _bits; // the lowest bit says whether the key has the form of RowKeys; 0 without a key

    private PackedStoreId(uint bits) => _bits = bits;

    /// <summary>Packs the key of a user of the service instance; 0 stands for a missing key.</summary>
    public static PackedStoreId Pack(long serviceId, long key)
    {
        var counter = RowKeys.CounterOf(serviceId, key);
        var number = counter ?? key;
        return number is > 0 and <= int.MaxValue ? new PackedStoreId(((uint)number << 1) | (counter is null ? 0u : 1u)) : default;
    }

    /// <summary>Returns the key; 0 if none is kept.</summary>
    public long Unpack(long serviceId) => (_bits & 1) == 0 ? _bits >> 1 : RowKeys.Of(serviceId, _bits >> 1);
}
