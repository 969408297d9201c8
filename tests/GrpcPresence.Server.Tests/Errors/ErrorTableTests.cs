using System.Text.RegularExpressions;
using Grpc.Core;
using GrpcPresence.Core.Errors;
using GrpcPresence.Server.Errors;

namespace GrpcPresence.Server.Tests.Errors;

public sealed partial class ErrorTableTests
{
    public static TheoryData<ErrorReason> Reasons => [.. Enum.GetValues<ErrorReason>().Where(reason => reason != ErrorReason.Unspecified)];

    [Theory]
    [MemberData(nameof(Reasons))]
    public void Every_reason_has_the_status_that_its_documentation_names(ErrorReason reason)
    {
        var documented = Documentation()[$"ERROR_REASON_{ErrorTable.NameOf(reason)}"];

        Assert.Equal(documented, ErrorTable.StatusOf(reason));
    }

    [Fact]
    public void The_reasons_of_the_domain_are_those_of_the_contract_by_name_and_number()
    {
        var domain = Enum.GetValues<ErrorReason>().ToDictionary(reason => reason.ToString(), reason => (int)reason);
        var contract = Enum.GetValues<V1.ErrorReason>().ToDictionary(reason => reason.ToString(), reason => (int)reason);

        Assert.Equal(contract, domain);
    }

    private static Dictionary<string, StatusCode> Documentation()
    {
        using var stream = typeof(ErrorTableTests).Assembly.GetManifestResourceStream("error_reason.proto")!;
        using var reader = new StreamReader(stream);
        return DocumentedReason().Matches(reader.ReadToEnd()).ToDictionary(
            match => match.Groups["name"].Value,
            match => Enum.Parse<StatusCode>(match.Groups["status"].Value.Replace("_", "", StringComparison.Ordinal), ignoreCase: true));
    }

    // The first comment line of a reason begins with its status.
    [GeneratedRegex(@"^  // (?<status>[A-Z_]+)\. [^\n]*\n(  // [^\n]*\n)*  (?<name>ERROR_REASON_\w+) = ", RegexOptions.Multiline)]
    private static partial Regex DocumentedReason();
}
