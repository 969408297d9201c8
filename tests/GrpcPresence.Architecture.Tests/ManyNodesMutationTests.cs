using System.Reflection;
using System.Text.RegularExpressions;

namespace GrpcPresence.Architecture.Tests;

/// <summary>
/// Tests that each mistake of a cluster in tests/mutations/many-nodes.tsv is planted: by a patch, or in the model of the store.
/// </summary>
public sealed partial class ManyNodesMutationTests
{
    private static readonly string Tests = Path.Combine(
        typeof(ManyNodesMutationTests).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>()
            .Single(data => data.Key == "RepositoryRoot").Value!,
        "tests");

    [Fact]
    public void The_twenty_mistakes_of_a_cluster_are_planted()
    {
        var patches = Directory.EnumerateFiles(Path.Combine(Tests, "mutations"), "*.patch").Select(Path.GetFileNameWithoutExtension)
            .Select(name => $"patch {name}");
        var store = File.ReadAllText(Path.Combine(Tests, "GrpcPresence.Testing", "Cluster", "StoreMutation.cs"));
        var members = Member().Matches(store).Select(match => $"store StoreMutation.{match.Groups[1].Value}");

        var lines = File.ReadAllLines(Path.Combine(Tests, "mutations", "many-nodes.tsv")).Select(line => line.Split('\t')).ToArray();

        Assert.Equal(20, lines.Length);
        Assert.All(lines, line => Assert.Equal(2, line.Length));
        Assert.Equal(20, lines.Select(line => line[0]).Distinct().Count());
        Assert.Empty(lines.Select(line => line[1]).Except(patches).Except(members));
    }

    [GeneratedRegex(@"^    ([A-Z][A-Za-z]+),", RegexOptions.Multiline)]
    private static partial Regex Member();
}
