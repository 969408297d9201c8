using System.Net;
using System.Net.Sockets;
using GrpcPresence.Core.Writing;
using GrpcPresence.Server.Cli;
using GrpcPresence.Server.Composition.Cluster;
using GrpcPresence.Server.Settings;
using GrpcPresence.Server.Telemetry;
using GrpcPresence.Server.Tests.Fixture;
using GrpcPresence.Server.Tests.Tls;
using GrpcPresence.Testing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace GrpcPresence.Server.Tests.Cli;

public sealed class ServerProgramTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();
    private readonly StringWriter _output = new();
    private readonly StringWriter _error = new();

    [Theory]
    [InlineData("Presence:Port", "--port", "nonsense")]
    [InlineData("Presence:Nonsense", "--Presence:Nonsense=1", null)]
    [InlineData("Presence:TlsKey", "--tls-key", "tls.key")]
    [InlineData("Presence:ClientCertificates", "--client-certificates", "required")]
    public async Task A_setting_that_cannot_be_used_is_one_line_and_exit_code_2(string name, string argument, string? value)
    {
        var code = await RunAsync(value is null ? [argument] : [argument, value]);

        Assert.Equal(2, code);
        AssertOneLine(name);
    }

    [Fact]
    public async Task A_port_that_is_taken_is_one_line_and_exit_code_2()
    {
        using var taken = new TcpListener(IPAddress.Loopback, 0);
        taken.Start();

        var code = await RunAsync([$"--port={((IPEndPoint)taken.LocalEndpoint).Port}"]);

        Assert.Equal(2, code);
        AssertOneLine("Presence:Port");
    }

    [Fact]
    public async Task An_address_of_another_machine_is_one_line_and_exit_code_2()
    {
        var code = await RunAsync(["--port=0", "--host=192.0.2.1", "--allow-anonymous"]);

        Assert.Equal(2, code);
        AssertOneLine("Presence:Address ");
    }

    [Theory]
    [InlineData("fe80::1")]
    [InlineData("fe80::1%nonexistent")]
    [InlineData("2001:db8::1")]
    [InlineData("203.0.113.1")]
    public async Task An_address_that_no_interface_has_is_one_line_and_exit_code_2(string address)
    {
        var code = await RunAsync(["--port=0", $"--host={address}", "--allow-anonymous"]);

        Assert.Equal(2, code);
        AssertOneLine("Presence:Address ");
    }

    [Theory]
    [InlineData("::", "http://[::1]:")]
    [InlineData("0.0.0.0", "http://127.0.0.1:")]
    public async Task A_server_on_all_addresses_shows_one_that_this_machine_can_call(string address, string shown)
    {
        Assert.Equal(0, await RunAsync(["--port=0", $"--host={address}", "--allow-anonymous"]));

        Assert.Contains($"gRPC on {shown}", _output.ToString(), StringComparison.Ordinal);
        Assert.Contains($"REST on {shown}", _output.ToString(), StringComparison.Ordinal);
        Assert.DoesNotContain("[::]", _output.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_port_of_localhost_that_one_family_has_taken_is_one_line_and_exit_code_2()
    {
        Assert.SkipUnless(Socket.OSSupportsIPv6, "The machine has one family.");
        using var taken = new TcpListener(IPAddress.IPv6Loopback, 0);
        taken.Start();

        Assert.Equal(2, await RunAsync(["--host=localhost", $"--port={((IPEndPoint)taken.LocalEndpoint).Port}"]));

        AssertOneLine("Presence:Port");
    }

    [Fact]
    public async Task A_taken_port_of_probes_is_named()
    {
        using var taken = new TcpListener(IPAddress.Loopback, 0);
        taken.Start();

        Assert.Equal(2, await RunAsync(["--port=0", $"--probe-port={((IPEndPoint)taken.LocalEndpoint).Port}"]));

        AssertOneLine("Presence:ProbePort");
    }

    [Fact]
    public async Task A_node_that_could_not_join_the_others_is_one_line_and_an_exit_code_after_which_a_supervisor_tries_again()
    {
        string[] arguments = ["--port=0", "--rest-port=0", $"--database={_directory.File("p.db")}"];
        var code = await ServerProgram.RunAsync(
            arguments, _ => throw new JoinFailedException("Node 127.0.0.1:7000 cannot join."), _output, _error);

        Assert.Equal(1, code);
        AssertOneLine("Node 127.0.0.1:7000 cannot join.");
    }

    [Fact]
    public async Task Standard_error_that_is_full_changes_no_exit_code()
    {
        using var full = new StandardWriter(_ => throw new IOException("No space left on device", 28));

        Assert.Equal(2, await ServerProgram.RunAsync(["--port=nonsense"], AddDomain, _output, full));
    }

    [Fact]
    public async Task Default_A_server_without_keys_listens_to_no_network()
    {
        var code = await RunAsync(["--port=0", "--host=0.0.0.0"]);

        Assert.Equal(2, code);
        AssertOneLine("Presence:Address ");
    }

    [Fact]
    public async Task Default_Callers_on_a_network_need_no_credentials_only_if_the_settings_say_so()
    {
        Assert.Equal(0, await RunAsync(["--port=0", "--host=0.0.0.0", "--allow-anonymous"]));
    }

    [Fact]
    public async Task A_server_that_starts_shows_three_commands_and_ends_with_exit_code_0()
    {
        var code = await RunAsync(["--port=0"]);

        Assert.Equal(0, code);
        Assert.Equal(3, _output.ToString().Split('\n').Count(line => line.StartsWith("buf curl ", StringComparison.Ordinal)));
        Assert.Single(_output.ToString().Split('\n'), line => line.StartsWith("curl ", StringComparison.Ordinal));
        Assert.Empty(_error.ToString());
    }

    [Fact]
    public async Task A_server_with_TLS_shows_commands_that_trust_it()
    {
        using var root = TestAuthority.NewRoot();
        using var leaf = root.IssueServer();
        using var folder = new TlsFolder();
        folder.Write(leaf);

        var code = await RunAsync(["--port=0", "--demo", $"--tls-certificate={folder.Certificate}", $"--tls-key={folder.Key}"]);

        Assert.Equal(0, code);
        var commands = _output.ToString().Split('\n').Where(line => line.StartsWith("buf curl ", StringComparison.Ordinal)).ToArray();
        Assert.Equal(3, commands.Length);
        Assert.All(commands, command =>
            Assert.StartsWith(
                $"buf curl --protocol grpc --cacert '{folder.Certificate}' https://127.0.0.1:", command, StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_file_of_TLS_that_cannot_be_used_is_one_line_and_exit_code_2()
    {
        using var folder = new TlsFolder();

        var code = await RunAsync(["--port=0", $"--tls-certificate={folder.Certificate}", $"--tls-key={folder.Key}"]);

        Assert.Equal(2, code);
        AssertOneLine("Presence:TlsCertificate");
    }

    [Fact]
    public async Task A_taken_port_of_REST_is_named()
    {
        using var taken = new TcpListener(IPAddress.Loopback, 0);
        taken.Start();

        Assert.Equal(2, await RunAsync(["--port=0", $"--rest-port={((IPEndPoint)taken.LocalEndpoint).Port}"]));

        AssertOneLine("Presence:RestPort");
    }

    [Fact]
    public async Task An_address_of_the_network_is_taken_where_the_account_has_a_token()
    {
        var settings = new ServerSettings { Address = new ListenAddress(IPAddress.Any), AuthToken = "6b1e1c2c0a5a4f0f9d0b8f6a7c3d2e1f" };
        await using var server = await TestServer.StartAsync(settings: settings);

        Assert.Equal("0.0.0.0", server.Address.Host);
    }

    [Theory]
    [InlineData("--auth-token", "6b1e1c2c0a5a4f0f9d0b8f6a7c3d2e1f")]
    [InlineData("--auth-token=6b1e1c2c0a5a4f0f9d0b8f6a7c3d2e1f")]
    [InlineData("--auth-token")]
    [InlineData("--AuthToken=6b1e1c2c0a5a4f0f9d0b8f6a7c3d2e1f")]
    [InlineData("--authtoken", "6b1e1c2c0a5a4f0f9d0b8f6a7c3d2e1f")]
    [InlineData("--set", "AuthToken=6b1e1c2c0a5a4f0f9d0b8f6a7c3d2e1f")]
    [InlineData("--set", " authtoken =6b1e1c2c0a5a4f0f9d0b8f6a7c3d2e1f")]
    [InlineData("--set", "Presence:AuthToken=6b1e1c2c0a5a4f0f9d0b8f6a7c3d2e1f")]
    [InlineData("--Presence:AuthToken=6b1e1c2c0a5a4f0f9d0b8f6a7c3d2e1f")]
    [InlineData("keys", "list", "--auth-token", "6b1e1c2c0a5a4f0f9d0b8f6a7c3d2e1f")]
    public async Task A_secret_on_the_command_line_is_refused_and_not_repeated(params string[] arguments)
    {
        Assert.Equal(2, await RunAsync(arguments));

        AssertOneLine("AuthToken");
        Assert.Contains("PRESENCE__AUTHTOKEN", _error.ToString(), StringComparison.Ordinal);
        Assert.DoesNotContain("6b1e1c2c", _error.ToString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("Host=db;Password=hunter2")]
    [InlineData("keys", "list", "Host=db;Password=hunter2")]
    [InlineData("import", "presence.db", "Host=db;SSL Password=hunter2")]
    public async Task A_connection_string_without_its_option_is_not_repeated(params string[] arguments)
    {
        Assert.Equal(2, await RunAsync(arguments));

        AssertOneLine("Unrecognized");
        Assert.DoesNotContain("hunter2", _error.ToString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("--postgres", "Host=db;Password=hunter2")]
    [InlineData("--postgres=Host=db;pwd='hunter2'")]
    [InlineData("--postgres=Host=db", "--postgres=Host=db;SSL Password=hunter2")]
    [InlineData("--Postgres=Host=db;Password=hunter2")]
    [InlineData("--set", "Postgres=Host=db;PASSWORD=hunter2")]
    [InlineData("--set", "Presence:Postgres=Host=db;psw=hunter2")]
    [InlineData("--Presence:Postgres=Host=db;Password=hunter2")]
    [InlineData("keys", "list", "--postgres", "Host=db;Password=hunter2")]
    public async Task A_password_of_PostgreSQL_on_the_command_line_is_refused_and_not_repeated(params string[] arguments)
    {
        Assert.Equal(2, await RunAsync(arguments));

        AssertOneLine("Postgres");
        Assert.Contains("PGPASSFILE", _error.ToString(), StringComparison.Ordinal);
        Assert.Contains("PRESENCE__POSTGRES", _error.ToString(), StringComparison.Ordinal);
        Assert.DoesNotContain("hunter2", _error.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Two_databases_are_one_line_and_exit_code_2()
    {
        Assert.Equal(2, await RunAsync(["--postgres=Host=db.example"]));

        AssertOneLine("Presence:Postgres and Presence:Database");
    }

    [Fact]
    public async Task A_server_whose_writer_failed_ends_with_exit_code_1()
    {
        var code = await ServerProgram.RunAsync(
            ["--port=0", "--rest-port=0", $"--database={_directory.File("p.db")}"], AddBrokenDomain, _output, _error);

        Assert.Equal(1, code);

        static void AddBrokenDomain(IServiceCollection services)
        {
            AddDomain(services);
            services.Insert(0, ServiceDescriptor.Singleton<IHostedService, BrokenQueue>());
        }
    }

    [Fact]
    public async Task A_log_of_json_is_not_mixed_with_anything_else()
    {
        Assert.Equal(0, await RunAsync(["--port=0", "--json-logs"]));

        Assert.Empty(_output.ToString());
    }

    public void Dispose()
    {
        _output.Dispose();
        _error.Dispose();
        _directory.Dispose();
    }

    private Task<int> RunAsync(string[] arguments) => ServerProgram.RunAsync(
        ["--rest-port=0", $"--database={_directory.File("p.db")}", .. arguments], AddDomain, _output, _error);

    private void AssertOneLine(string name)
    {
        Assert.StartsWith(name, _error.ToString(), StringComparison.Ordinal);
        Assert.Equal(1, _error.ToString().Count(character => character == '\n'));
        Assert.Empty(_output.ToString());
    }

    private static void AddDomain(IServiceCollection services)
    {
        TestServer.AddDomain(services, new InMemoryPresenceStore(), TimeProvider.System);
        services.RemoveAll<ILoggerProvider>();
        services.AddHostedService<StopWhenStarted>();
    }

    private sealed class StopWhenStarted(IHostApplicationLifetime lifetime) : IHostedService
    {
        public Task StartAsync(CancellationToken cancellationToken)
        {
            lifetime.ApplicationStarted.Register(lifetime.StopApplication);
            return Task.CompletedTask;
        }

        public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    }

    /// <summary>Completes the queue before the writer starts.</summary>
    private sealed class BrokenQueue(CommandQueue queue) : IHostedService
    {
        public Task StartAsync(CancellationToken cancellationToken)
        {
            queue.Dispose();
            return Task.CompletedTask;
        }

        public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    }
}
