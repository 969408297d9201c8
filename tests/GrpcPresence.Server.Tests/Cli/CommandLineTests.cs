using GrpcPresence.Server.Cli;
using Microsoft.Extensions.DependencyInjection;

namespace GrpcPresence.Server.Tests.Cli;

/// <summary>Tests the command line before any file is opened.</summary>
public sealed class CommandLineTests
{
    [Theory]
    [InlineData("--help")]
    [InlineData("-h")]
    [InlineData("serve --help")]
    [InlineData("keys --help")]
    [InlineData("keys create --help")]
    [InlineData("keys list -h")]
    [InlineData("keys rotate --help")]
    [InlineData("keys revoke --help")]
    [InlineData("backup --help")]
    [InlineData("restore --help")]
    [InlineData("settings --help")]
    [InlineData("completion --help")]
    [InlineData("--port nonsense --help")]
    public async Task Help_is_usage_and_exit_code_0(string line)
    {
        var (code, output, error) = await RunAsync(line);

        Assert.Equal((0, ""), (code, error));
        Assert.Contains("Usage:", output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("--version")]
    [InlineData("serve --version")]
    [InlineData("keys --version")]
    [InlineData("keys create --version")]
    [InlineData("backup --version")]
    public async Task Version_is_one_line_and_exit_code_0(string line)
    {
        var (code, output, error) = await RunAsync(line);

        Assert.Equal((0, ""), (code, error));
        Assert.Matches(@"^\d+\.\d+\.\d+\S*\r?\n$", output);
    }

    [Theory]
    [InlineData("--prot 5", "--port")]
    [InlineData("--databse x", "--database")]
    [InlineData("kyes list", "keys")]
    [InlineData("keys craete", "create")]
    [InlineData("keys create --rol admin", "--role")]
    public async Task A_mistyped_name_is_answered_with_the_nearest_one(string line, string suggestion)
    {
        var (code, output, error) = await RunAsync(line);

        Assert.Equal((2, ""), (code, output));
        Assert.Contains($"Did you mean {suggestion}?", error, StringComparison.Ordinal);
        Assert.Equal(1, error.Count(character => character == '\n'));
    }

    [Theory]
    [InlineData("--nonsense")]
    [InlineData("nonsense")]
    [InlineData("--port")]
    [InlineData("-p")]
    [InlineData("-- --port")]
    [InlineData("--demo=1")]
    [InlineData("--set nonsense")]
    [InlineData("--set =1")]
    [InlineData("--Presence:Port 7")]
    [InlineData("keys")]
    [InlineData("keys create")]
    [InlineData("keys create --role king")]
    [InlineData("keys foo")]
    [InlineData("keys rotate")]
    [InlineData("keys rotate SK1 SK2")]
    [InlineData("keys rotate SK1 --overlap soon")]
    [InlineData("keys rotate SK1 --overlap 30")]
    [InlineData("keys rotate SK1 --overlap -1:00:00")]
    [InlineData("backup")]
    [InlineData("restore a b")]
    [InlineData("completion")]
    [InlineData("completion tcsh")]
    public async Task A_command_line_that_cannot_be_parsed_is_one_line_and_exit_code_2(string line)
    {
        var (code, output, error) = await RunAsync(line);

        Assert.Equal((2, ""), (code, output));
        Assert.Equal(1, error.Count(character => character == '\n'));
        Assert.EndsWith("--help.\n", error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("keys foo", "'foo'")]
    [InlineData("keys create --role king", "--role")]
    [InlineData("--Presence:Port 7", "Port")]
    public async Task The_line_names_what_is_wrong(string line, string wrong) =>
        Assert.Contains(wrong, (await RunAsync(line)).Error, StringComparison.Ordinal);

    [Fact]
    public async Task A_value_may_begin_with_an_at_sign()
    {
        var (code, _, error) = await RunAsync("backup @copy.db --database /nonexistent/p.db");

        Assert.Equal(3, code);
        Assert.DoesNotContain("Response file", error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_unforeseen_fault_is_one_line_and_exit_code_1()
    {
        var (code, output, error) = await RunAsync(["[suggest:-1]", "GrpcPresence.Server ke"]);

        Assert.Equal((1, ""), (code, output));
        Assert.Equal(1, error.Count(character => character == '\n'));
    }

    [Theory]
    [InlineData("bash")]
    [InlineData("zsh")]
    [InlineData("fish")]
    public async Task A_shell_gets_a_script_that_asks_the_program(string shell)
    {
        var (code, output, _) = await RunAsync($"completion {shell}");

        Assert.Equal(0, code);
        Assert.Contains("[suggest:", output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("ke", "keys")]
    [InlineData("keys ", "create list revoke rotate")]
    [InlineData("keys create --role ", "admin read service")]
    [InlineData("--por", "--port")]
    [InlineData("--log-format ", "text json")]
    [InlineData("completion ", "bash fish zsh")]
    public async Task The_directive_suggests_what_may_follow(string line, string suggestions)
    {
        var (code, output, _) = await RunAsync([$"[suggest:{line.Length}]", line]);

        Assert.Equal(0, code);
        Assert.Superset(suggestions.Split(' ').ToHashSet(), output.Split('\n').ToHashSet());
    }

    private static Task<(int Code, string Output, string Error)> RunAsync(string line) => RunAsync(line.Split(' '));

    private static async Task<(int Code, string Output, string Error)> RunAsync(string[] arguments)
    {
        using StringWriter output = new(), error = new();
        var code = await ServerProgram.RunAsync(arguments, Fail, output, error);
        return (code, output.ToString(), error.ToString().ReplaceLineEndings("\n"));
    }

    private static void Fail(IServiceCollection services) => Assert.Fail("The server was built.");
}
