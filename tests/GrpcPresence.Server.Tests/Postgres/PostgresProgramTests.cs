using GrpcPresence.Server.Cli;
using GrpcPresence.Server.Composition;
using GrpcPresence.Server.Settings;
using GrpcPresence.Server.Tests.Fixture;
using GrpcPresence.Testing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Barrier = GrpcPresence.Server.Tests.Fixture.Barrier;

namespace GrpcPresence.Server.Tests.Postgres;

/// <summary>Tests the program on a PostgreSQL database: how it starts, when it does not, and how it ends.</summary>
public sealed class PostgresProgramTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();
    private readonly StringWriter _output = new();
    private readonly StringWriter _error = new();
    private readonly LogRecorder _log = new();
    private readonly Barrier _started = new("the server started");
    private readonly Barrier _waits = new("the server waits for PostgreSQL");
    private TimeProvider _time = TimeProvider.System;
    private IHostApplicationLifetime? _lifetime; // of the server that started last

    public PostgresProgramTests() =>
        Assert.SkipWhen(PostgresServer.MissingReason is not null, PostgresServer.MissingReason ?? "");

    public void Dispose()
    {
        _output.Dispose();
        _error.Dispose();
        _directory.Dispose();
    }

    [Fact]
    public async Task A_server_serves_from_PostgreSQL_and_a_second_one_is_refused_in_one_line()
    {
        var database = PostgresServer.Shared.CreateSchema();
        var first = RunAsync(database);
        await _started.Wait();

        var code = await ServerProgram.RunAsync(Arguments(database), AddDomain, _output, _error);

        Assert.Equal(3, code);
        AssertOneLine("The PostgreSQL database ");
        Assert.Contains("in use by another node", _error.ToString(), StringComparison.Ordinal);
        _lifetime!.StopApplication();
        Assert.Equal(0, await first);
    }

    [Fact]
    public async Task A_database_that_is_rejected_is_one_line_and_exit_code_3()
    {
        var database = PostgresServer.Shared.CreateDatabase("ENCODING 'SQL_ASCII' LC_COLLATE 'C' LC_CTYPE 'C'");

        Assert.Equal(3, await RunAsync(database));

        AssertOneLine("The PostgreSQL database ");
    }

    [Fact]
    public async Task A_server_that_starts_while_PostgreSQL_is_away_waits_with_one_line_for_each_reason_and_then_serves()
    {
        using var server = PostgresServer.Start();
        server.Crash();
        var running = RunAsync(server.ConnectionString());
        await _waits.Wait();
        Assert.False(running.IsCompleted);

        server.Resume();
        await _started.Wait();

        _lifetime!.StopApplication();
        Assert.Equal(0, await running);
        // One line for each reason: while PostgreSQL starts, it may be reached before it accepts connections.
        var entries = _log.Problems.Where(entry => entry.Text.Contains("is away", StringComparison.Ordinal)).ToList();
        Assert.NotEmpty(entries);
        Assert.Equal(entries.Count, entries.Select(entry => entry.Text).Distinct().Count());
        Assert.All(entries, entry => Assert.DoesNotContain('\n', entry.Text));
        Assert.Empty(_error.ToString());
    }

    [Fact]
    public async Task A_signal_ends_a_server_that_waits_for_PostgreSQL_with_exit_code_0()
    {
        using var program = ServerProcess.StartOn($"Host={_directory.File("nothing")};Username=presence");
        Assert.Contains(
            "is away", await FindLineAsync(program.Process.StandardOutput, "is away"), StringComparison.Ordinal);

        program.Terminate();

        Assert.Equal(0, (await program.EndAsync()).Code);
    }

    [Fact]
    public async Task A_server_whose_database_was_taken_says_so_at_Error_and_ends_with_exit_code_1()
    {
        var database = PostgresServer.Shared.CreateSchema();
        var running = RunAsync(database);
        await _started.Wait();

        PostgresServer.Execute(database, "UPDATE nodes SET incarnation = incarnation + 1");

        await Barrier.Within(running, "the server ended");
        Assert.Equal(1, await running);
        var entry = Assert.Single(_log.Problems, entry => entry.EventId == 62);
        Assert.Equal(LogLevel.Error, entry.Level);
        Assert.DoesNotContain('\n', entry.Text);
    }

    [Theory]
    [InlineData("", 0, null)]
    [InlineData("GRANT CREATE ON SCHEMA public TO PUBLIC", 0, 65)]
    [InlineData("", 1, 64)]
    [InlineData("", -1, 64)]
    public async Task A_schema_that_every_role_may_fill_and_a_clock_that_is_far_off_are_one_warning_each(
        string statement, int hours, int? warning)
    {
        var database = PostgresServer.Shared.CreateDatabase();
        PostgresServer.Execute(database, $"{statement};");
        _time = new ShiftedClock(TimeSpan.FromHours(hours));
        var running = RunAsync(database);
        await _started.Wait();

        _lifetime!.StopApplication();
        Assert.Equal(0, await running);
        var found = _log.Problems.Where(entry => entry.EventId is 64 or 65).ToList();
        Assert.Equal(warning is { } id ? [id] : [], found.Select(entry => entry.EventId));
        Assert.All(found, entry => Assert.DoesNotContain('\n', entry.Text));
    }

    [Fact]
    public async Task Keys_are_made_and_listed_on_PostgreSQL_with_and_without_a_server()
    {
        var database = PostgresServer.Shared.CreateSchema();
        Assert.Equal(0, await RunAsync(database, "keys", "create", "--role", "admin", "--name", "first"));
        var running = RunAsync(database);
        await _started.Wait();

        Assert.Equal(0, await RunAsync(database, "keys", "create", "--role", "read", "--name", "second"));
        _output.GetStringBuilder().Clear();
        Assert.Equal(0, await RunAsync(database, "keys", "list"));

        Assert.Equal(["first", "second"], _output.ToString().TrimEnd('\n').Split('\n').Select(line => line.Split('\t')[^1]));
        _lifetime!.StopApplication();
        Assert.Equal(0, await running);
    }

    [Fact]
    public async Task Listing_keys_of_an_empty_database_is_refused_in_one_line_and_creates_nothing()
    {
        var database = PostgresServer.Shared.CreateDatabase();

        Assert.Equal(3, await RunAsync(database, "keys", "list"));

        AssertOneLine("The PostgreSQL database ");
        Assert.Equal(0, PostgresServer.Query<long>(database, "SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace"));
        Assert.Equal(0, await RunAsync(database, "keys", "create", "--role", "admin"));
        Assert.Equal(0, await RunAsync(database, "keys", "list"));
    }

    [Theory]
    [InlineData("backup")]
    [InlineData("restore")]
    public async Task A_copy_of_PostgreSQL_is_refused_in_one_line_that_names_its_own_tools(string command)
    {
        var code = await ServerProgram.RunAsync([command, "file", "--postgres", "Host=db.example"], AddDomain, _output, _error);

        Assert.Equal(2, code);
        AssertOneLine(command);
        Assert.Contains("pg_dump", _error.ToString(), StringComparison.Ordinal);
        Assert.Contains("docs/postgres.md", _error.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_server_on_SQLite_does_not_load_the_library_of_PostgreSQL()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Only Linux shows the files that a process has mapped.");
        using var program = ServerProcess.Start([]);
        await FindLineAsync(program.Process.StandardOutput, "Listening on");

        var mapped = await File.ReadAllTextAsync($"/proc/{program.Process.Id}/maps", TestRun.Token);

        Assert.Contains("Microsoft.Data.Sqlite.dll", mapped, StringComparison.Ordinal);
        Assert.DoesNotContain("Npgsql.dll", mapped, StringComparison.Ordinal);
    }

    private static async Task<string> FindLineAsync(StreamReader output, string text)
    {
        while (await output.ReadLineAsync(TestRun.Token) is { } line)
        {
            if (line.Contains(text, StringComparison.Ordinal))
                return line;
        }
        throw new InvalidOperationException($"The program ended without saying '{text}'.");
    }

    private Task<int> RunAsync(string database, params string[] command) =>
        Task.Run(() => ServerProgram.RunAsync([.. command, .. Arguments(database)], AddDomain, _output, _error));

    private string[] Arguments(string database) =>
    [
        "--postgres", database, "--port=0", "--rest-port=0", $"--secret-file={_directory.File("presence.secret")}",
        $"--admin-socket={_directory.File("presence.sock")}",
    ];

    private void AssertOneLine(string beginning)
    {
        Assert.StartsWith(beginning, _error.ToString(), StringComparison.Ordinal);
        Assert.Equal(1, _error.ToString().Count(character => character == '\n'));
    }

    private void AddDomain(IServiceCollection services)
    {
        services.AddPresenceCore().AddStore();
        services.RemoveAll<ILoggerProvider>();
        services.AddSingleton(_time);
        services.AddSingleton<ILoggerProvider>(new Listener(this));
        services.AddHostedService(provider =>
        {
            var isOfCommand = provider.GetRequiredService<ServerSettings>().HasAdminSocketOnly;
            return new Starts(isOfCommand ? null : this, provider.GetRequiredService<IHostApplicationLifetime>());
        });
    }

    /// <summary>A clock that is wrong by a constant difference.</summary>
    private sealed class ShiftedClock(TimeSpan difference) : TimeProvider
    {
        public override DateTimeOffset GetUtcNow() => base.GetUtcNow() + difference;
    }

    /// <summary>Reports that a server has started, unless it is that of a command.</summary>
    private sealed class Starts(PostgresProgramTests? test, IHostApplicationLifetime lifetime) : IHostedService
    {
        public Task StartAsync(CancellationToken cancellationToken)
        {
            lifetime.ApplicationStarted.Register(() =>
            {
                if (test is null)
                    return;
                test._lifetime = lifetime;
                test._started.Reach();
            });
            return Task.CompletedTask;
        }

        public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    }

    /// <summary>Records the log, and reports that the server waits.</summary>
    private sealed class Listener(PostgresProgramTests test) : ILoggerProvider
    {
        public ILogger CreateLogger(string categoryName) => new Observer(test, test._log.CreateLogger(categoryName));

        public void Dispose()
        {
        }

        private sealed class Observer(PostgresProgramTests test, ILogger inner) : ILogger
        {
            public IDisposable? BeginScope<TState>(TState state)
                where TState : notnull => null;

            public bool IsEnabled(LogLevel logLevel) => true;

            public void Log<TState>(
                LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
            {
                inner.Log(logLevel, eventId, state, exception, formatter);
                if (eventId.Id == 61)
                    test._waits.Reach();
            }
        }
    }
}
