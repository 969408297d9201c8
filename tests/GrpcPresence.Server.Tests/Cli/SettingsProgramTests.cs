using GrpcPresence.Server.Tests.Fixture;

namespace GrpcPresence.Server.Tests.Cli;

/// <summary>Tests what only a process can show of a setting that cannot be used: no stack trace, and its exit code.</summary>
public sealed class SettingsProgramTests
{
    [Theory]
    [InlineData("PRESENCE__ADDRESS", "::ffff:127.0.0.1", "Presence:Address ")]
    [InlineData("PRESENCE__ADDRESS", "fe80::1%nonexistent", "Presence:Address ")]
    [InlineData("PRESENCE__ADMINSOCKET", "/nonexistent/x.sock", "Presence:AdminSocket ")]
    [InlineData("LOGGING__LOGLEVEL__DEFAULT", "bogus", "LOGGING:LOGLEVEL:DEFAULT ")]
    public async Task A_setting_that_cannot_be_used_is_one_line_and_exit_code_2(string variable, string value, string name)
    {
        using var program = ServerProcess.Start(new() { [variable] = value, ["PRESENCE__ALLOWANONYMOUS"] = "true" });

        var (code, _, error) = await program.EndAsync();

        Assert.Equal(2, code);
        Assert.StartsWith(name, error, StringComparison.OrdinalIgnoreCase);
        Assert.Equal(1, error.Count(character => character == '\n'));
    }
}
