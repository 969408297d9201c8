using GrpcPresence.Core.Presence;
using GrpcPresence.Core.Storage.Batches;

namespace GrpcPresence.Core.Tests.Presence;

/// <summary>The store's key of a tracked user in four bytes.</summary>
public sealed class PackedStoreIdTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(3_000_000)]
    public void A_key_of_a_counter_is_kept(long serviceId)
    {
        foreach (var counter in new[] { 1, 2, 1_000_000, int.MaxValue })
            Assert.Equal(RowKeys.Of(serviceId, counter), PackedStoreId.Pack(serviceId, RowKeys.Of(serviceId, counter)).Unpack(serviceId));
    }

    [Theory]
    [InlineData(1L)]
    [InlineData(5_000_000L)]
    [InlineData((long)int.MaxValue)]
    public void A_key_from_before_the_counters_is_kept(long key) => Assert.Equal(key, PackedStoreId.Pack(7, key).Unpack(7));

    [Fact]
    public void A_key_that_does_not_fit_is_not_kept()
    {
        long[] keys = [0, 1L + int.MaxValue, RowKeys.Of(7, 1L + int.MaxValue), RowKeys.Of(8, 1), long.MaxValue];
        Assert.All(keys, key => Assert.Equal(0, PackedStoreId.Pack(7, key).Unpack(7)));
    }
}
