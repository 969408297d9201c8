namespace GrpcPresence.Core.Storage.Batches;

/// <summary>
/// The keys of users and of push bindings: the key of the service instance in the high bits, and a counter of the service instance. So
/// keys are unique in the store, ascend within a service instance, and become visible in their order, without one counter that all service
/// instances share. Rows from before schema version 8 have lower keys.
/// </summary>
public static class RowKeys
{
    /// <summary>69 billion rows ever created in a service instance, and 134 million service instances.</summary>
    private const int CounterBits = 36;

    /// <summary>Returns the first key of a service instance.</summary>
    public static long FirstOf(long serviceId) => Of(serviceId, 1);

    /// <summary>Returns the key of a service instance with this counter.</summary>
    /// <exception cref="OverflowException">The service instance is beyond the last one.</exception>
    public static long Of(long serviceId, long counter) => checked((serviceId * (1L << CounterBits)) + counter);

    /// <summary>Returns the counter of a key of the service instance; null for a key from before schema version 8.</summary>
    public static long? CounterOf(long serviceId, long key) => key >> CounterBits == serviceId ? key - Of(serviceId, 0) : null;

    /// <summary>Returns the key after the one given.</summary>
    /// <exception cref="InvalidOperationException">It would be another service instance's.</exception>
    public static long After(long key) => (key + 1) >> CounterBits == key >> CounterBits
        ? key + 1
        : throw new InvalidOperationException("The service instance has used all its keys.");
}
