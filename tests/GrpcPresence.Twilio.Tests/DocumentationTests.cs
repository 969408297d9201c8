using GrpcPresence.Twilio.Tests.Fixture;

namespace GrpcPresence.Twilio.Tests;

public sealed class DocumentationTests
{
    [Fact]
    public void The_handler_in_the_documentation_is_the_one_that_these_tests_use()
    {
        var source = Read("tests/GrpcPresence.Twilio.Tests/Fixture/LocalServer.cs");

        var handler = source[source.IndexOf("sealed class", StringComparison.Ordinal)..];

        Assert.Contains(handler, Read("docs/rest.md"), StringComparison.Ordinal);
    }

    private static string Read(string path) => File.ReadAllText(Path.Combine(BuildMetadata.RepositoryRoot, path));
}
