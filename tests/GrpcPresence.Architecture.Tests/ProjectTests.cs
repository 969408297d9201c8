using System.Reflection;
using System.Xml.Linq;

namespace GrpcPresence.Architecture.Tests;

/// <summary>Tests that the projects depend on each other in one direction only.</summary>
public sealed class ProjectTests
{
    private static readonly string Source = Path.Combine(
        typeof(ProjectTests).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>().Single(data => data.Key == "RepositoryRoot").Value!,
            "src");

    private static readonly Dictionary<string, string[]> Allowed = new()
    {
        ["GrpcPresence.Contracts"] = [],
        ["GrpcPresence.Client"] = ["GrpcPresence.Contracts"],
        ["GrpcPresence.Core"] = [],
        ["GrpcPresence.Storage"] = ["GrpcPresence.Core"],
        ["GrpcPresence.Cluster"] = ["GrpcPresence.Core"],
        ["GrpcPresence.Server"] = ["GrpcPresence.Core", "GrpcPresence.Contracts", "GrpcPresence.Storage", "GrpcPresence.Cluster"],
    };

    public static TheoryData<string> Projects =>
        [.. Directory.EnumerateDirectories(Source, "GrpcPresence.*").Select(folder => Path.GetFileName(folder))];

    [Theory]
    [MemberData(nameof(Projects))]
    public void A_project_uses_only_the_projects_below_it(string project)
    {
        Assert.Contains(project, Allowed.Keys);
        var used = References(project, "ProjectReference").Select(path => Path.GetFileNameWithoutExtension(path.Replace('\\', '/')));
        Assert.Empty(used.Except(Allowed[project]));
    }

    [Fact]
    public void Core_takes_no_package() => Assert.Empty(References("GrpcPresence.Core", "PackageReference"));

    [Fact]
    public void The_client_takes_only_packages_of_gRPC() => Assert.Empty(
        References("GrpcPresence.Client", "PackageReference").Where(package => !package.StartsWith("Grpc.", StringComparison.Ordinal))
            .Except(["Microsoft.CodeAnalysis.PublicApiAnalyzers"]));

    [Fact]
    public void Only_the_project_of_the_cluster_names_Orleans() => Assert.All(
        Allowed.Keys.Where(project => project != "GrpcPresence.Cluster"),
        project => Assert.DoesNotContain(
            References(project, "PackageReference"), package => package.StartsWith("Microsoft.Orleans.", StringComparison.Ordinal)));

    [Fact]
    public void Contracts_contains_only_generated_code() =>
        Assert.Empty(Directory.EnumerateFiles(Path.Combine(Source, "GrpcPresence.Contracts"), "*.cs", SearchOption.AllDirectories));

    [Fact]
    public void Every_source_file_has_the_namespace_of_its_folder()
    {
        var strays =
            from project in Allowed.Keys
            let folder = Path.Combine(Source, project)
            from file in Directory.EnumerateFiles(folder, "*.cs", SearchOption.AllDirectories)
            let inside = Path.GetDirectoryName(Path.GetRelativePath(folder, file))!
            let expected = string.Join('.',
                new[] { project }.Concat(inside.Split(Path.DirectorySeparatorChar, StringSplitOptions.RemoveEmptyEntries)))
            let actual = File.ReadLines(file).FirstOrDefault(line => line.StartsWith("namespace ", StringComparison.Ordinal))
            where actual is not null && actual != $"namespace {expected};"
            select $"{file}: {actual}";
        Assert.Empty(strays);
    }

    private static IEnumerable<string> References(string project, string kind) =>
        XDocument.Load(Path.Combine(Source, project, $"{project}.csproj")).Descendants(kind).Select(reference =>
            reference.Attribute("Include")!.Value);
}
