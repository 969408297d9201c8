using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using Grpc.Net.Client;
using GrpcPresence.Server.Tests.Fixture;
using GrpcPresence.Testing;
using GrpcPresence.V1;
using Barrier = GrpcPresence.Server.Tests.Fixture.Barrier;

namespace GrpcPresence.Server.Tests.Postgres;

/// <summary>Tests the program as a node of a cluster: processes on one PostgreSQL database.</summary>
public sealed class NodeProgramTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();

    public NodeProgramTests() =>
        Assert.SkipWhen(PostgresServer.MissingReason is not null, PostgresServer.MissingReason ?? "");

    private string Secret => _directory.File("shared.secret");

    public void Dispose() => _directory.Dispose();

    [Fact]
    public async Task Two_nodes_share_the_users_and_one_that_is_asked_to_stop_leaves_with_exit_code_0()
    {
        WriteSecret();
        var database = PostgresServer.Shared.CreateSchema();
        using var first = ServerProcess.StartNode(database, FreeAddress(), Secret);
        using var toFirst = GrpcChannel.ForAddress(await ReadyAsync(first));
        using var second = ServerProcess.StartNode(database, FreeAddress(), Secret);
        using var toSecond = GrpcChannel.ForAddress(await ReadyAsync(second));
        var configuration = new ConfigurationService.ConfigurationServiceClient(toFirst);
        var service = (await configuration.CreateServiceInstanceAsync(new())).ServiceInstance.Sid;
        await configuration.UpdateConfigurationAsync(new UpdateConfigurationRequest
        {
            Configuration = new V1.Configuration { ServiceSid = service, ReachabilityEnabled = true },
            UpdateMask = new() { Paths = { "reachability_enabled" } },
        });
        var (atFirst, atSecond) = (new UserService.UserServiceClient(toFirst), new UserService.UserServiceClient(toSecond));
        for (var i = 0; i < 20; i++)
        {
            var user = $"user-{i}";
            await (i % 2 == 0 ? atFirst : atSecond).HeartbeatAsync(new() { ServiceSid = service, UserKey = user, SessionId = "s1" });
            var read = await (i % 2 == 0 ? atSecond : atFirst).GetUserAsync(new() { ServiceSid = service, UserKey = user });
            Assert.True(read.User.IsOnline);
        }

        second.Terminate();
        Assert.Equal(0, (await second.EndAsync()).Code);
        for (var i = 0; i < 20; i++)
            await atFirst.HeartbeatAsync(new() { ServiceSid = service, UserKey = $"user-{i}", SessionId = "s1" });
        first.Terminate();
        Assert.Equal(0, (await first.EndAsync()).Code);
    }

    [Fact]
    public async Task A_node_without_the_secret_file_of_its_cluster_is_refused_in_one_line()
    {
        using var node = ServerProcess.StartNode(PostgresServer.Shared.CreateSchema(), FreeAddress(), Secret);
        var (code, _, error) = await node.EndAsync();
        Assert.Equal(2, code);
        Assert.StartsWith("Presence:SecretFile", error, StringComparison.Ordinal);
        Assert.Equal(1, error.Count(character => character == '\n'));
        Assert.False(File.Exists(Secret));
    }

    [Fact]
    public async Task A_port_of_the_node_that_is_taken_is_one_line_and_exit_code_2()
    {
        WriteSecret();
        using var taken = new TcpListener(IPAddress.Loopback, 0);
        taken.Start();
        await CheckAddressAsync(taken.LocalEndpoint.ToString()!);
    }

    [Fact]
    public async Task A_signal_while_a_node_waits_for_another_one_to_be_dead_ends_the_program_with_exit_code_0()
    {
        WriteSecret();
        var database = PostgresServer.Shared.CreateSchema();
        using (var killed = ServerProcess.StartNode(database, FreeAddress(), Secret))
            await ReadyAsync(killed);
        // It may be alive for 15 s after its last mark, as far as the table says.
        var address = FreeAddress();
        using var joining = ServerProcess.StartNode(database, address, Secret);
        await Barrier.Within(Task.Run(IsInTableAsync), "the node began to join");

        joining.Terminate();

        var (code, _, error) = await joining.EndAsync();
        Assert.Equal("", error);
        Assert.Equal(0, code);

        async Task IsInTableAsync()
        {
            var port = address.Split(':')[1];
            while (PostgresServer.Query<long>(database, $"SELECT count(*) FROM members WHERE port = {port}") == 0)
                await Task.Yield();
        }
    }

    [Fact]
    public async Task A_single_server_on_PostgreSQL_loads_nothing_of_Orleans()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Only Linux shows the files that a process has mapped.");
        using var program = ServerProcess.StartOn(PostgresServer.Shared.CreateSchema(), "--admin-socket", "none");
        await FindLineAsync(program, "Listening on");
        var mapped = await File.ReadAllTextAsync($"/proc/{program.Process.Id}/maps", TestRun.Token);
        Assert.Contains("Npgsql.dll", mapped, StringComparison.Ordinal);
        Assert.DoesNotContain("Orleans", mapped, StringComparison.Ordinal);
    }

    private async Task CheckAddressAsync(string address)
    {
        using var node = ServerProcess.StartNode(PostgresServer.Shared.CreateSchema(), address, Secret);
        var (code, output, error) = await node.EndAsync();
        Assert.Equal(2, code);
        Assert.StartsWith("Presence:NodeAddress ", error, StringComparison.Ordinal);
        Assert.Equal(1, error.Count(character => character == '\n'));
        Assert.DoesNotContain("fail:", output, StringComparison.Ordinal);
    }

    /// <summary>Returns the address of gRPC of a node that is ready.</summary>
    private static async Task<Uri> ReadyAsync(ServerProcess node)
    {
        string? address = null;
        for (var isReady = false; address is null || !isReady;)
        {
            var line = await FindLineAsync(node, "");
            isReady |= line.Contains("Ready after ", StringComparison.Ordinal);
            if (address is null && line.Contains("Listening on ", StringComparison.Ordinal))
                address = line[line.IndexOf("http://", StringComparison.Ordinal)..].Split([' ', ';', ','])[0];
        }
        return new Uri(address);
    }

    private static async Task<string> FindLineAsync(ServerProcess program, string text)
    {
        var found = FindAsync();
        await Barrier.Within(found, $"the program said '{text}'");
        return await found;

        async Task<string> FindAsync()
        {
            while (await program.Process.StandardOutput.ReadLineAsync(TestRun.Token) is { } line)
            {
                if (line.Contains(text, StringComparison.Ordinal))
                    return line;
            }
            throw new InvalidOperationException(
                $"The program ended without saying '{text}': {await program.Process.StandardError.ReadToEndAsync(TestRun.Token)}");
        }
    }

    private void WriteSecret() => File.WriteAllText(Secret, Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(64)));

    private static string FreeAddress()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return listener.LocalEndpoint.ToString()!;
    }
}
