using GrpcPresence.Core.Telemetry;
using GrpcPresence.Server.Settings;
using GrpcPresence.Server.Webhooks;

namespace GrpcPresence.Server.Tests.Webhooks;

public sealed class FileDescriptorLimitTests
{
    [Theory]
    [InlineData("Max open files            400                  524288               files     ", 400)]
    [InlineData("Max open files            unlimited            unlimited            files     ", int.MaxValue)]
    [InlineData("Max processes             96                   96                   processes ", int.MaxValue)]
    public void The_soft_limit_of_open_files_is_read(string line, int expected) =>
        Assert.Equal(expected, FileDescriptorLimit.Parse(["Limit                     Soft Limit           Hard Limit", line]));

    [Theory]
    [InlineData(64, 8, 4)]
    [InlineData(400, 36, 18)]
    [InlineData(1024, 192, 96)]
    [InlineData(int.MaxValue, 512, 128)]
    public void Connections_and_lookups_take_a_part_of_few_file_descriptors(int files, int connections, int lookups)
    {
        using var metrics = new PresenceMetrics();

        var limits = WebhookLimits.New(new ServerSettings(), files, metrics);

        Assert.Equal((connections, lookups), (limits.Connections.Total, limits.Lookups.Total));
    }
}
