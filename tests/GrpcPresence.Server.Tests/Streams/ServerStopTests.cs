using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Storage.Batches;
using GrpcPresence.Core.Writing;
using GrpcPresence.Core.Writing.Commands;
using GrpcPresence.Server.Cli;
using GrpcPresence.Server.Composition;
using GrpcPresence.Server.Settings;
using GrpcPresence.Server.Tests.Fixture;
using GrpcPresence.Testing;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace GrpcPresence.Server.Tests.Streams;

/// <summary>
/// Tests every way in which a server can end. Each time, it must stop its services before it disposes of them, and must log nothing above
/// Information.
/// </summary>
public sealed class ServerStopTests : IDisposable
{
    private readonly LogRecorder _log = new();
    private readonly TemporaryDirectory _directory = new();
    private readonly Probe _probe = new();

    [Fact]
    public async Task A_writer_does_not_outlive_a_server_that_is_disposed_of_without_a_stop()
    {
        var app = ServerHost.Build(new ServerSettings { Port = 0, RestPort = 0 }, new ConfigurationBuilder().Build(), AddDomain);
        await app.StartAsync(TestRun.Token);
        Thread? writer = null;
        Assert.True(ServiceSid.TryParse("IS" + new string('0', 32), out var sid));
        await app.Services.GetRequiredService<CommandQueue>().SubmitAsync(
            new CreateServiceInstance(sid, friendlyName: "") { Committed = _ => writer = Thread.CurrentThread });

        await app.DisposeAsync();

        Assert.False(writer!.IsAlive, "The writer still runs, and uses services that the server has disposed of.");
        Assert.DoesNotContain(_log.Problems, entry => entry.Category == typeof(WriterService).FullName);
    }

    [Fact]
    public async Task A_server_for_one_command_is_stopped_when_the_command_fails()
    {
        await Assert.ThrowsAsync<TestFaultException>(() =>
            OfflineServer.RunAsync(Settings, AddDomain, _ => throw new TestFaultException()));

        AssertStopped();
    }

    [Fact]
    public async Task A_server_for_one_command_is_stopped_when_it_cannot_start()
    {
        await Assert.ThrowsAsync<TestFaultException>(() => OfflineServer.RunAsync(
            Settings, services => AddDomain(services, starting: _ => throw new TestFaultException()), _ => Task.CompletedTask));

        AssertStopped();
    }

    [Fact]
    public async Task A_server_that_cannot_start_is_stopped()
    {
        var code = await RunProgramAsync(TextWriter.Null, services => AddDomain(services, starting: _ => throw new TestFaultException()));

        Assert.Equal(ServerProgram.Failed, code);
        AssertStopped();
    }

    [Fact]
    public async Task A_server_that_cannot_write_its_greeting_is_stopped()
    {
        await using var output = new BrokenWriter();

        Assert.Equal(ServerProgram.Failed, await RunProgramAsync(output, AddDomain));

        AssertStopped();
    }

    [Fact]
    public async Task A_server_that_is_stopped_while_it_starts_ends_with_exit_code_0()
    {
        Assert.Equal(0, await RunProgramAsync(
            TextWriter.Null, services => AddDomain(services, starting: lifetime => lifetime.StopApplication())));

        AssertStopped();
    }

    [Fact]
    public async Task A_server_that_stops_logs_nothing_above_Information()
    {
        Assert.Equal(0, await RunProgramAsync(
            TextWriter.Null,
            services => AddDomain(services, starting: lifetime => lifetime.ApplicationStarted.Register(lifetime.StopApplication))));

        AssertStopped();
        Assert.Equal("Stopped", _log.Entries[^1].Text);
    }

    [Fact]
    public void Services_of_a_server_that_cannot_be_built_are_disposed_of()
    {
        var settings = new ServerSettings { Port = 0, RestPort = 0 };

        Assert.Throws<TestFaultException>(() => ServerHost.Build(settings, new ConfigurationBuilder().Build(), services =>
        {
            AddDomain(services);
            services.AddSingleton<IPresenceStore>(provider =>
            {
                _ = provider.GetRequiredService<Probe>();
                throw new TestFaultException();
            });
        }));

        Assert.True(_probe.IsDisposed, "The server did not dispose of the service.");
    }

    public void Dispose()
    {
        _log.Dispose();
        _directory.Dispose();
    }

    private ServerSettings Settings => new() { Port = 0, RestPort = 0, SecretFile = _directory.File("secret") };

    private Task<int> RunProgramAsync(TextWriter output, Action<IServiceCollection> addDomain) => ServerProgram.RunAsync(
        ["--port=0", "--rest-port=0", "--database", _directory.File("p.db")], addDomain, output, TextWriter.Null);

    private void AssertStopped()
    {
        Assert.True(_probe.IsStopped, "The server did not stop a service that it had started.");
        Assert.True(_probe.IsDisposed, "The server did not dispose of its services.");
        Assert.Empty(_log.Problems);
    }

    private void AddDomain(IServiceCollection services) => AddDomain(services, starting: null);

    /// <summary>Adds the domain, the probe, and a service that runs the action after all other services have started.</summary>
    private void AddDomain(IServiceCollection services, Action<IHostApplicationLifetime>? starting)
    {
        TestServer.AddDomain(services, new InMemoryPresenceStore(), TimeProvider.System);
        services.RemoveAll<ILoggerProvider>();
        services.AddSingleton<ILoggerProvider>(_log);
        services.AddSingleton(_ => _probe);
        services.AddHostedService(provider => provider.GetRequiredService<Probe>());
        services.AddHostedService(provider => new Starting(provider.GetRequiredService<IHostApplicationLifetime>(), starting));
    }

    private sealed class Probe : IHostedService, IDisposable
    {
        public bool IsStopped { get; private set; }

        public bool IsDisposed { get; private set; }

        public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public Task StopAsync(CancellationToken cancellationToken)
        {
            IsStopped = !IsDisposed;
            return Task.CompletedTask;
        }

        public void Dispose() => IsDisposed = true;
    }

    private sealed class Starting(IHostApplicationLifetime lifetime, Action<IHostApplicationLifetime>? starting) : IHostedService
    {
        public Task StartAsync(CancellationToken cancellationToken)
        {
            starting?.Invoke(lifetime);
            return Task.CompletedTask;
        }

        public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    }

    private sealed class BrokenWriter : StringWriter
    {
        public override Task WriteLineAsync() => throw new IOException("Simulates a pipe whose reader is gone.");
    }

    /// <summary>Simulates any fault.</summary>
    private sealed class TestFaultException : Exception;
}
