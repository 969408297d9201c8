using GrpcPresence.Server.Tests.Fixture;

namespace GrpcPresence.Server.Tests.Telemetry;

/// <summary>Tests the message for an operator who sets an invalid variable of the exporter.</summary>
public sealed class OtlpProgramTests
{
    [Theory]
    [InlineData("OTEL_EXPORTER_OTLP_ENDPOINT", "localhost:4317")]
    [InlineData("OTEL_EXPORTER_OTLP_HEADERS", "garbage")]
    public async Task A_variable_that_cannot_be_used_is_one_line_and_exit_code_2(string name, string value)
    {
        using var program = ServerProcess.Start(new() { ["OTEL_EXPORTER_OTLP_ENDPOINT"] = "http://localhost:4317", [name] = value });

        var (code, output, error) = await program.EndAsync();

        Assert.Equal((2, ""), (code, output));
        Assert.StartsWith(name, error, StringComparison.Ordinal);
        Assert.Equal(1, error.Count(character => character == '\n'));
        Assert.False(File.Exists(program.Database), "No database is created.");
    }
}
