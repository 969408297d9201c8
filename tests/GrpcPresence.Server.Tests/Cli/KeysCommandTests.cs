using GrpcPresence.Server.Cli;
using GrpcPresence.Server.Composition;
using GrpcPresence.Server.Settings;
using GrpcPresence.Server.Tests.Fixture;
using GrpcPresence.Storage.Sqlite.Files;
using GrpcPresence.Storage.Sqlite.Store;
using GrpcPresence.Testing;
using GrpcPresence.V1;
using Microsoft.Data.Sqlite;

namespace GrpcPresence.Server.Tests.Cli;

/// <summary>Tests the subcommands for API keys over SQLite, with and without a running server.</summary>
public sealed class KeysCommandTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();
    private string _output = "";
    private string _error = "";

    [Fact]
    public async Task Keys_Keys_are_made_listed_rotated_and_revoked_while_no_server_runs()
    {
        Assert.Equal(0, await RunAsync("create", "--role", "admin", "--name", "first"));
        var (sid, secret) = ReadKey();
        Assert.Equal(0, await RunAsync("list"));
        Assert.Equal([sid, "admin", "whole deployment", "active", "", "first"], _output.TrimEnd('\n').Split('\t'));

        Assert.Equal(0, await RunAsync("rotate", sid, "--overlap=1:00:00"));
        Assert.Equal(sid, ReadKey().Sid);
        Assert.NotEqual(secret, ReadKey().Secret);

        Assert.Equal(0, await RunAsync("revoke", sid));
        Assert.Equal(0, await RunAsync("list"));
        Assert.Matches(@"\trevoked \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ\t", _output);
    }

    [Fact]
    public async Task Keys_The_server_that_runs_is_asked_and_takes_the_key_at_once()
    {
        using var store = new SqlitePresenceStore(new SqliteStoreOptions { Path = Database });
        await using var server = await TestServer.StartAsync(
            store: store,
            settings: new ServerSettings { Port = 0, AdminSocket = Database + ".sock", SecretFile = Database + ".secret" });

        Assert.Equal(0, await RunAsync("create", "--role=admin"));

        var (sid, secret) = ReadKey();
        var anonymous = server.Configuration.ListServiceInstancesAsync(new ListServiceInstancesRequest());
        Assert.Equal("CREDENTIALS_REQUIRED", (await CallError.Of(anonymous)).Reason);
        await server.Configuration.ListServiceInstancesAsync(
            new ListServiceInstancesRequest(), new global::Grpc.Core.Metadata { { "authorization", GuardedServer.Basic(sid, secret) } });
        // The command does not start a second server, and only the owner may use the socket.
        if (!OperatingSystem.IsWindows())
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(Database + ".sock"));
    }

    [Fact]
    public async Task Keys_No_file_of_the_database_nor_a_backup_has_the_secret()
    {
        Assert.Equal(0, await RunAsync("create", "--role", "service"));
        var secret = ReadKey().Secret;
        SqliteBackup.Backup(Database, _directory.File("backup.db"));

        foreach (var file in Directory.GetFiles(Path.GetDirectoryName(Database)!).Where(file => file != Database + ".secret"))
            Assert.DoesNotContain(secret, File.ReadAllText(file, System.Text.Encoding.Latin1), StringComparison.Ordinal);
        Assert.DoesNotContain(secret, _error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Keys_An_API_key_is_valid_without_the_secret_file_but_an_access_token_is_not()
    {
        Assert.Equal(0, await RunAsync("create", "--role", "service"));
        var (sid, secret) = ReadKey();
        File.Delete(Database + ".secret");
        using var store = new SqlitePresenceStore(new SqliteStoreOptions { Path = Database });
        var settings = new ServerSettings { Port = 0, SecretFile = Database + ".secret" };
        await using var server = await TestServer.StartAsync(store: store, settings: settings);
        var key = new CreateApiKeyResponse { ApiKey = new ApiKey { Sid = sid }, Secret = secret };
        var token = AccessToken.For(key, "alice", "IS" + new string('0', 32), DateTimeOffset.UtcNow, TimeSpan.FromHours(1)).Sign(secret);

        await server.Configuration.ListServiceInstancesAsync(
            new ListServiceInstancesRequest(), new global::Grpc.Core.Metadata { { "authorization", GuardedServer.Basic(sid, secret) } });
        var refused = await CallError.Of(server.Users.ListUsersAsync(
            new ListUsersRequest { ServiceSid = "IS" + new string('0', 32) },
            new global::Grpc.Core.Metadata { { "authorization", "Bearer " + token } }));

        Assert.Equal("ACCESS_TOKEN_SIGNATURE_INVALID", refused.Reason);
        Assert.Contains(server.Log.Problems, entry => entry.Text.Contains(settings.SecretFile, StringComparison.Ordinal));
    }

    [Fact]
    public async Task Keys_Names_do_not_speak_to_the_terminal()
    {
        Assert.Equal(2, await RunAsync("create", "--role", "read", "--name", "\u001b[2J\nSK0"));
        // A name of an earlier build, which accepted control characters.
        Assert.Equal(0, await RunAsync("create", "--role", "read", "--name", "earlier"));
        await using (var database = new SqliteConnection($"Data Source={Database};Pooling=false"))
        {
            await database.OpenAsync(TestRun.Token);
            await using var command = database.CreateCommand();
            command.CommandText = "UPDATE api_keys SET friendly_name = char(27) || '[2J' || char(10) || 'SK0' || char(8238)";
            Assert.Equal(1, await command.ExecuteNonQueryAsync(TestRun.Token));
        }
        Assert.Equal(0, await RunAsync("list"));

        Assert.EndsWith("\t\\u001B[2J\\u000ASK0\\u202E\n", _output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Keys_Create_says_when_it_makes_a_database()
    {
        Assert.Equal(0, await RunAsync("create", "--role=read"));
        Assert.Contains($"Created the database {Database}.", _error, StringComparison.Ordinal);

        Assert.Equal(0, await RunAsync("create", "--role=read"));
        Assert.DoesNotContain("Created the database", _error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("list")]
    [InlineData("rotate", "SK00000000000000000000000000000000")]
    [InlineData("revoke", "SK00000000000000000000000000000000")]
    public async Task Keys_Without_a_database_only_create_makes_one(params string[] arguments)
    {
        Assert.Equal(3, await RunAsync(arguments));

        Assert.StartsWith($"The database '{Database}' does not exist", _error, StringComparison.Ordinal);
        Assert.Equal(1, _error.Count(character => character == '\n'));
        Assert.Empty(Directory.GetFileSystemEntries(Path.GetDirectoryName(Database)!));
    }

    [Theory]
    [InlineData(2, "api_key_sid", "revoke", "SK1")]
    [InlineData(2, "SK00000000000000000000000000000000", "revoke", "SK00000000000000000000000000000000")]
    [InlineData(2, "IS00000000000000000000000000000000", "create", "--role", "read", "--service-sid", "IS00000000000000000000000000000000")]
    public async Task Keys_What_cannot_be_done_is_one_line(int code, string named, params string[] arguments)
    {
        Assert.Equal(0, await RunAsync("create", "--role=read"));

        Assert.Equal(code, await RunAsync(arguments));

        Assert.Contains(named, _error, StringComparison.Ordinal);
        Assert.Equal(1, _error.Count(character => character == '\n'));
        Assert.Empty(_output);
    }

    [Fact]
    public async Task Keys_A_database_that_a_server_without_a_socket_has_is_in_use()
    {
        using var store = new SqlitePresenceStore(new SqliteStoreOptions { Path = Database });

        Assert.Equal(3, await RunAsync("list"));
    }

    public void Dispose() => _directory.Dispose();

    private string Database => _directory.File("p.db");

    private (string Sid, string Secret) ReadKey()
    {
        var parts = _output.TrimEnd('\n').Split(':');
        return (parts[0], parts[1]);
    }

    private async Task<int> RunAsync(params string[] arguments)
    {
        using StringWriter output = new(), error = new();
        var code = await ServerProgram.RunAsync(
            ["keys", .. arguments, "--database", Database], services => services.AddPresenceCore().AddStore(), output, error);
        (_output, _error) = (output.ToString(), error.ToString());
        return code;
    }
}
