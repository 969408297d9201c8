using GrpcPresence.Core.Telemetry;
using GrpcPresence.Server.Settings;
using GrpcPresence.Server.Webhooks;

namespace GrpcPresence.Server.Tests.Settings;

public sealed class FileBudgetTests
{
    [Theory]
    [InlineData("Max open files            400                  524288               files     ", 400)]
    [InlineData("Max open files            unlimited            unlimited            files     ", int.MaxValue)]
    [InlineData("Max processes             96                   96                   processes ", int.MaxValue)]
    public void The_soft_limit_of_open_files_is_read(string line, int expected) =>
        Assert.Equal(expected, FileBudget.ParseLimit(["Limit                     Soft Limit           Hard Limit", line]));

    [Theory]
    [InlineData(64, 12, 8, 4)]
    [InlineData(400, 53, 28, 14)]
    [InlineData(1024, 396, 184, 92)]
    [InlineData(1_048_576, 1_047_584, 512, 128)]
    public void Connections_leave_files_for_the_database_and_webhooks(int files, int connections, int webhooks, int lookups)
    {
        Assert.Equal(new FileBudget(connections, webhooks, lookups), FileBudget.Of(files));
    }

    [Fact]
    public void Webhooks_take_their_part_of_the_files()
    {
        using var metrics = new PresenceMetrics();

        var limits = WebhookLimits.New(new ServerSettings(), new FileBudget(1, WebhookConnections: 28, WebhookLookups: 14), metrics);

        Assert.Equal((28, 14), (limits.Connections.Total, limits.Lookups.Total));
    }
}
