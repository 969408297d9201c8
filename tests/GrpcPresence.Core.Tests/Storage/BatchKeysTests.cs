using GrpcPresence.Core.Domain.ApiKeys;
using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Storage.Batches;

namespace GrpcPresence.Core.Tests.Storage;

/// <summary>What a batch reads, and the keys of its rows.</summary>
public sealed class BatchKeysTests
{
    [Fact]
    public void API_keys_and_scopes_that_many_commands_name_are_read_once()
    {
        var keys = new BatchKeys();
        for (var round = 0; round < 2; round++)
        {
            for (var i = 0; i < 10; i++)
            {
                keys.AddApiKey(new ApiKeySid((UInt128)(i % 2)));
                keys.AddApiKeyScope(i % 2 == 0 ? null : new ServiceSid(1));
            }
            Assert.Equal([new ApiKeySid(0), new ApiKeySid(1)], keys.ApiKeys);
            Assert.Equal([null, new ServiceSid(1)], keys.ApiKeyScopes);
            keys.Clear();
        }
    }

    [Fact]
    public void No_key_is_given_beyond_the_range_of_its_service_instance_or_of_all()
    {
        const long Last = (1L << 27) - 1;
        Assert.Equal(long.MaxValue - 1, RowKeys.Of(Last, (1L << 36) - 2));

        Assert.Throws<OverflowException>(() => RowKeys.FirstOf(Last + 1));
        Assert.Throws<OverflowException>(() => RowKeys.FirstOf(1L << 40));
        Assert.Equal(RowKeys.Of(Last, 3), RowKeys.After(RowKeys.Of(Last, 2)));
        Assert.Throws<InvalidOperationException>(() => RowKeys.After(RowKeys.Of(7, (1L << 36) - 1)));
        Assert.Throws<InvalidOperationException>(() => RowKeys.After(long.MaxValue));
    }
}
