using GrpcPresence.Server.Streams.Connections;

namespace GrpcPresence.Server.Tests.Streams;

public sealed class FileLimitTests
{
    [Theory]
    [InlineData(1_048_576, 10_000, 10_000)]
    [InlineData(1024, 10_000, 640)]
    [InlineData(400, 10_000, 60)]
    [InlineData(400, 20, 20)]
    [InlineData(1, 10, 10)]
    public void Connections_leave_files_for_the_database_and_webhooks(int files, int wanted, int connections)
    {
        Assert.Equal(connections, FileLimit.ConnectionsWithin(files, wanted));
    }

    [Theory]
    [InlineData("Max open files            1024                 4096                 files     ", 1024)]
    [InlineData("Max open files            unlimited            unlimited            files     ", null)]
    [InlineData("Max processes             1024                 4096                 processes ", null)]
    public void The_soft_limit_is_read(string line, int? files)
    {
        Assert.Equal(files, FileLimit.Parse([line]));
    }
}
