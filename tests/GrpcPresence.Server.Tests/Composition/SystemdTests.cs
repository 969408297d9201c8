using System.Diagnostics;
using System.Net.Sockets;
using System.Text;
using GrpcPresence.Server.Security.AdminSocket;
using GrpcPresence.Server.Tests.Fixture;
using GrpcPresence.Testing;
using GrpcPresence.V1;
using Barrier = GrpcPresence.Server.Tests.Fixture.Barrier;

namespace GrpcPresence.Server.Tests.Composition;

/// <summary>Tests the notifications of the program to systemd. A socket and a shell named systemd replace it here.</summary>
public sealed class SystemdTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();
    private readonly Socket _notified = new(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified);

    [Fact]
    public async Task Systemd_receives_READY_when_calls_are_served_and_STOPPING_at_the_stop()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "systemd runs only on Linux.");
        _notified.Bind(new UnixDomainSocketEndPoint(_directory.File("notify")));
        using var program = ServerProcess.Start(new() { ["NOTIFY_SOCKET"] = _directory.File("notify") }, UnderSystemd);
        var pid = await program.Process.StandardOutput.ReadLineAsync(TestRun.Token);

        Assert.Equal("READY=1", await HearAsync());

        // The server must answer the first call after READY: the test does not retry.
        using var channel = AdminSocketChannel.Open(program.Database + ".sock");
        await new ConfigurationService.ConfigurationServiceClient(channel).ListServiceInstancesAsync(
            new ListServiceInstancesRequest(), cancellationToken: TestRun.Token);
        using var kill = Process.Start("kill", ["-TERM", pid!]);
        Assert.Equal("STOPPING=1", await HearAsync());
        var (code, output, error) = await program.EndAsync();

        Assert.Equal((0, ""), (code, error));
        // The log has the program's own format, without the priority prefix of systemd.
        Assert.Matches(@"^\d{4}-\d\d-\d\dT[\d:.]+Z info: GrpcPresence\.", output);
    }

    public void Dispose()
    {
        _notified.Dispose();
        _directory.Dispose();
    }

    private async Task<string> HearAsync()
    {
        var datagram = new byte[256];
        var receiving = _notified.ReceiveAsync(datagram, TestRun.Token).AsTask();
        await Barrier.Within(receiving, "the program notified systemd");
        return Encoding.UTF8.GetString(datagram, 0, await receiving);
    }

    /// <summary>
    /// Makes a shell named systemd the parent of the program, because the program detects systemd by the name of its parent process. The
    /// shell prints the program's process id.
    /// </summary>
    private static string[] UnderSystemd(TemporaryDirectory directory, string[] command)
    {
        var shell = directory.File("systemd");
        File.Copy("/bin/sh", shell);
        return [shell, "-c", "\"$@\" & echo $!; wait $!", "sh", .. command];
    }
}
