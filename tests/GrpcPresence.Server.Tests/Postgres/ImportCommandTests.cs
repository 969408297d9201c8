using GrpcPresence.Server.Cli;
using GrpcPresence.Server.Composition;
using GrpcPresence.Server.Tests.Fixture;
using GrpcPresence.Storage.Sqlite.Store;
using GrpcPresence.Testing;

namespace GrpcPresence.Server.Tests.Postgres;

/// <summary>Tests the command that takes a SQLite database over.</summary>
public sealed class ImportCommandTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();
    private string _output = "";
    private string _error = "";

    public ImportCommandTests() =>
        Assert.SkipWhen(PostgresServer.MissingReason is not null, PostgresServer.MissingReason ?? "");

    private string Database => _directory.File("presence.db");

    private string SecretFile => _directory.File("presence.secret");

    public void Dispose() => _directory.Dispose();

    [Fact]
    public async Task Import_Keys_go_on_with_the_secret_file()
    {
        var target = PostgresServer.Shared.CreateSchema();
        Assert.Equal(0, await RunAsync("keys", "create", "--role", "service", "--database", Database));
        var key = _output.Split(':')[0];

        Assert.Equal(0, await RunAsync(["import", Database, .. On(target)]));

        Assert.Contains("0 service instances, 0 users, 0 push bindings, 1 API keys", _output, StringComparison.Ordinal);
        Assert.Equal(
            await File.ReadAllTextAsync(Database + ".secret", TestRun.Token), await File.ReadAllTextAsync(SecretFile, TestRun.Token));
        Assert.Equal(0, await RunAsync(["keys", "list", .. On(target)]));
        Assert.StartsWith(key, _output, StringComparison.Ordinal);
        Assert.Empty(_error);
    }

    [Fact]
    public async Task Import_Says_that_the_secret_file_is_missing()
    {
        Assert.Equal(0, await RunAsync("keys", "create", "--role", "service", "--database", Database));
        File.Delete(Database + ".secret");

        Assert.Equal(0, await RunAsync(["import", Database, .. On(PostgresServer.Shared.CreateSchema())]));

        Assert.Contains("There is no secret file", _output, StringComparison.Ordinal);
        Assert.False(File.Exists(SecretFile));
    }

    [Fact]
    public async Task Import_Another_secret_file_is_not_overwritten()
    {
        var target = PostgresServer.Shared.CreateSchema();
        var other = new string('a', 128);
        await File.WriteAllTextAsync(SecretFile, other, TestRun.Token);
        Assert.Equal(0, await RunAsync("keys", "create", "--role", "service", "--database", Database));

        Assert.Equal(2, await RunAsync(["import", Database, .. On(target)]));

        AssertOneLine("Presence:SecretFile");
        Assert.Equal(other, await File.ReadAllTextAsync(SecretFile, TestRun.Token));
        const string Tables = "SELECT count(*) FROM pg_class WHERE relnamespace = current_schema()::regnamespace";
        Assert.Equal(0, PostgresServer.Query<long>(target, Tables));
    }

    [Fact]
    public async Task Import_Needs_a_PostgreSQL_database()
    {
        Assert.Equal(2, await RunAsync("import", Database));

        AssertOneLine("import ");
        Assert.Contains("Postgres", _error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Import_A_file_in_use_is_one_line_and_exit_code_3()
    {
        using var store = new SqlitePresenceStore(new SqliteStoreOptions { Path = Database });

        Assert.Equal(3, await RunAsync(["import", Database, .. On(PostgresServer.Shared.CreateSchema())]));

        AssertOneLine("The database ");
    }

    private string[] On(string target) => ["--postgres", target, "--secret-file", SecretFile, "--admin-socket", "none"];

    private void AssertOneLine(string beginning)
    {
        Assert.StartsWith(beginning, _error, StringComparison.Ordinal);
        Assert.Equal(1, _error.Count(character => character == '\n'));
        Assert.Empty(_output);
    }

    private async Task<int> RunAsync(params string[] arguments)
    {
        using StringWriter output = new(), error = new();
        var code = await ServerProgram.RunAsync(arguments, services => services.AddPresenceCore().AddStore(), output, error);
        (_output, _error) = (output.ToString(), error.ToString());
        // The remark on standard error belongs to the secret.
        if (code == 0 && arguments[0] == "keys")
            _error = "";
        return code;
    }
}
