using System.Reflection;

namespace GrpcPresence.Client.Tests;

/// <summary>Tests that the lines in the documentation are those of the samples that CI runs.</summary>
public sealed class DocumentationTests
{
    [Theory]
    [InlineData("samples/ClientWatcher/Program.cs")]
    [InlineData("samples/ClientGateway/Program.cs")]
    public void The_lines_of_the_README_are_those_of_the_sample(string path)
    {
        var sample = Read(path);
        var lines = sample.Split('\n')
            .SkipWhile(line => !line.Contains("README.md begin", StringComparison.Ordinal)).Skip(1)
            .TakeWhile(line => !line.Contains("README.md end", StringComparison.Ordinal))
            .Select(line => line.Length > 8 ? line[8..] : line);

        Assert.Contains(string.Join('\n', lines), Read("README.md"), StringComparison.Ordinal);
    }

    private static string Read(string path) => File.ReadAllText(Path.Combine(
        typeof(DocumentationTests).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>().Single(data => data.Key == "RepositoryRoot")
            .Value!,
        path));
}
