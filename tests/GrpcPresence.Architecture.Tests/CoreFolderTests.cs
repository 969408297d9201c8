using GrpcPresence.Core.Changes;

namespace GrpcPresence.Architecture.Tests;

/// <summary>The arrows between the folders of Core point one way.</summary>
public sealed class CoreFolderTests
{
    private const string Root = "GrpcPresence.Core.";

    /// <summary>What each folder may use. A folder that is not named here is a test failure: say where it stands.</summary>
    private static readonly Dictionary<string, string[]> Allowed = new()
    {
        ["Limits"] = [],
        ["Metrics"] = [],
        ["Errors"] = [],
        ["Configuration"] = ["Errors", "Limits"],
        ["Users"] = ["Configuration", "Errors", "Limits"],
        ["Access"] = ["Configuration", "Errors", "Limits"],
        ["Quotas"] = ["Users", "Configuration", "Errors", "Limits", "Metrics"],
        ["Changes"] = ["Access", "Users", "Configuration", "Errors", "Limits", "Metrics"],
        ["Presence"] = ["Changes", "Users", "Configuration", "Errors", "Limits", "Metrics"],
        ["Watching"] = ["Changes", "Users", "Configuration", "Errors", "Limits", "Metrics"],
        ["Webhooks"] = ["Changes", "Users", "Configuration", "Errors", "Limits", "Metrics"],
    };

    public static TheoryData<string> Folders => [.. typeof(LiveService).Assembly.GetTypes().Select(FolderOf).OfType<string>().Distinct()];

    [Theory]
    [MemberData(nameof(Folders))]
    public void A_folder_of_Core_uses_only_what_stands_below_it(string folder)
    {
        Assert.Contains(folder, Allowed.Keys);
        var turned =
            from type in typeof(LiveService).Assembly.GetTypes()
            where FolderOf(type) == folder
            from used in TypeReferences.Of(type)
            let target = FolderOf(used)
            where target is not null && target != folder && !Allowed[folder].Contains(target)
            select $"{type.FullName} uses {used.FullName}";
        Assert.Empty(turned.Distinct());
    }

    [Fact]
    public void The_reader_of_references_sees_into_method_bodies()
    {
        // Otherwise the test above could not fail.
        var used = TypeReferences.Of(typeof(ChangeWriter));
        Assert.Contains(typeof(Core.Errors.StorageException), used);
        Assert.Contains(typeof(Core.Metrics.PresenceMetrics), used);
    }

    private static string? FolderOf(Type type) =>
        type.Namespace is { } name && name.StartsWith(Root, StringComparison.Ordinal) ? name[Root.Length..].Split('.')[0] : null;
}
