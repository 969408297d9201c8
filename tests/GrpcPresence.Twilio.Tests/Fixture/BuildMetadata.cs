using System.Reflection;

namespace GrpcPresence.Twilio.Tests.Fixture;

/// <summary>Paths that the build writes into the assembly.</summary>
internal static class BuildMetadata
{
    public static string RepositoryRoot => Of(nameof(RepositoryRoot));

    public static string ServerProgram => Of(nameof(ServerProgram));

    private static string Of(string key) =>
        typeof(BuildMetadata).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>().Single(data => data.Key == key).Value!;
}
