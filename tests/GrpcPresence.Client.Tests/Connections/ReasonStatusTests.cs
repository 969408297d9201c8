using System.Reflection;
using System.Text.RegularExpressions;
using GrpcPresence.Client.Connections;
using GrpcPresence.V1;

namespace GrpcPresence.Client.Tests.Connections;

/// <summary>Tests which status the client takes a reason for.</summary>
public sealed partial class ReasonStatusTests
{
    [Fact]
    public void Each_reason_has_the_status_of_its_comment_in_the_proto()
    {
        var root = typeof(ReasonStatusTests).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>()
            .Single(data => data.Key == "RepositoryRoot").Value!;
        var proto = File.ReadAllText(Path.Combine(root, "protos/presence/v1/error_reason.proto"));
        var documented = Entry().Matches(proto)
            .ToDictionary(entry => int.Parse(entry.Groups["number"].Value), entry => entry.Groups["status"].Value);

        Assert.Equal(Enum.GetValues<ErrorReason>().Length - 1, documented.Count); // all but UNSPECIFIED
        foreach (var (number, status) in documented)
        {
            var reason = (ErrorReason)number;
            Assert.Equal((reason, status.Replace("_", "")), (reason, ReasonStatus.Of(reason).ToString().ToUpperInvariant()));
        }
    }

    [Fact]
    public void A_reason_of_a_newer_server_may_pass() => Assert.False(ReasonStatus.IsFinal(ReasonStatus.Of((ErrorReason)999)));

    [GeneratedRegex(@"// (?<status>[A-Z_]+)\. [^\n]*\n(\s*//[^\n]*\n)*\s*ERROR_REASON_\w+ = (?<number>\d+);")]
    private static partial Regex Entry();
}
