using System.Reflection;
using GrpcPresence.Testing.Cluster;

namespace GrpcPresence.Storage.Tests.Conformance;

/// <summary>
/// Plants each <see cref="StoreMutation"/> in the in-memory store, and checks that the conformance of clusters notices it. The mistakes are
/// those that another store can make as well.
/// </summary>
public sealed class ClusterMutationTests
{
    public static TheoryData<StoreMutation> Mutations => [.. Enum.GetValues<StoreMutation>().Where(of => of != StoreMutation.None)];

    [Theory]
    [MemberData(nameof(Mutations))]
    public async Task The_conformance_notices(StoreMutation mutation) =>
        Assert.NotEmpty(await FailuresAsync(mutation));

    [Fact]
    public async Task The_conformance_passes_without_a_mutation() => Assert.Empty(await FailuresAsync(StoreMutation.None));

    /// <summary>Runs each test of the conformance by itself, and returns those that failed.</summary>
    private static async Task<IReadOnlyList<string>> FailuresAsync(StoreMutation mutation)
    {
        var failures = new List<string>();
        foreach (var method in typeof(ClusterStoreConformance).GetMethods().Where(test => test.IsDefined(typeof(FactAttribute))))
        {
            foreach (var arguments in ArgumentsOf(method))
            {
                using var conformance = new InMemoryClusterStoreConformance(mutation);
                var thrown = await Record.ExceptionAsync(async () => await (Task)method.Invoke(conformance, arguments)!);
                if (thrown is not null)
                    failures.Add($"{method.Name}({string.Join(", ", arguments)}): {(thrown.InnerException ?? thrown).Message}");
            }
        }
        foreach (var failure in failures)
            TestContext.Current.TestOutputHelper?.WriteLine(failure);
        return failures;
    }

    private static object?[][] ArgumentsOf(MethodInfo method)
    {
        var rows = method.GetCustomAttributes<InlineDataAttribute>().Select(row => row.Data).ToArray();
        return rows.Length > 0 ? rows : [[]];
    }
}
