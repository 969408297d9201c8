using System.Reflection;
using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Telemetry;
using GrpcPresence.Core.Writing;

namespace GrpcPresence.Architecture.Tests;

/// <summary>Tests that the folders of Core and of Server depend on each other in one direction only.</summary>
public sealed class FolderTests
{
    private static readonly string[] Domain = ["Domain", "Domain.Errors", "Domain.Services", "Domain.Users", "Domain.ApiKeys"];
    private static readonly string[] Written = [.. Domain, "Storage", "Telemetry", "Tenants", "Writing"];
    private static readonly string[] Decided = [.. Written, "Storage.Batches", "Writing.Overlay"];
    private static readonly string[] Owned =
        [.. Written, "Domain.Cluster", "Storage.Batches", "Storage.Cluster", "Presence", "Presence.HandOver"];
    private static readonly string[] Security = ["Security", "Errors", "Telemetry", "Settings"];

    /// <summary>The folders that each folder of Core may use.</summary>
    private static readonly Dictionary<string, string[]> Core = new()
    {
        ["Domain"] = [],
        ["Domain.Errors"] = ["Domain"],
        ["Domain.Services"] = ["Domain", "Domain.Errors"],
        ["Domain.Users"] = ["Domain", "Domain.Errors", "Domain.Services"],
        ["Domain.ApiKeys"] = ["Domain", "Domain.Errors", "Domain.Services"],
        ["Domain.Cluster"] = ["Domain", "Domain.Errors", "Domain.Services", "Domain.Users"],
        ["Cluster.Shards"] = ["Domain", "Domain.Cluster", "Storage", "Storage.Cluster", "Cluster.Membership"],
        ["Cluster.Membership"] = ["Domain", "Domain.Cluster"],
        ["Cluster.Channel"] = ["Domain", "Domain.Cluster", "Cluster.Membership"],
        ["Cluster.Confirmation"] = ["Domain", "Domain.Cluster", "Storage", "Storage.Cluster", "Cluster.Membership", "Cluster.Channel"],
        ["Cluster.Routing"] =
            [.. Domain, "Domain.Cluster", "Tenants", "Presence", "Cluster.Membership", "Cluster.Channel", "Cluster.Shards"],
        ["Cluster.Ownership"] =
            [.. Owned, "Cluster.Membership", "Cluster.Channel", "Cluster.Shards", "Cluster.Routing"],
        ["Cluster.Hints"] = [.. Written, "Domain.Cluster", "Storage.Cluster", "Cluster.Membership", "Cluster.Channel"],
        ["Cluster.Node"] =
            [
                .. Owned, "Quotas", "Watching", "Webhooks", "Cluster.Membership", "Cluster.Channel", "Cluster.Shards",
                "Cluster.Confirmation", "Cluster.Routing", "Cluster.Ownership", "Cluster.Hints",
            ],
        ["Telemetry"] = [],
        ["Threading"] = [],
        ["Storage"] = Domain,
        ["Storage.Batches"] = [.. Domain, "Domain.Cluster", "Storage"],
        ["Storage.Cluster"] = [.. Domain, "Domain.Cluster", "Storage", "Storage.Batches"],
        ["Tenants"] = [.. Domain, "Storage"],
        ["Quotas"] = [.. Domain, "Domain.Cluster", "Storage", "Telemetry"],
        ["Reading"] = [.. Domain, "Storage", "Quotas"],
        ["Writing.Overlay"] = [.. Domain, "Storage", "Storage.Batches"],
        ["Writing"] = [.. Decided, "Domain.Cluster", "Cluster.Shards"],
        ["Writing.Commands"] = Decided,
        ["Presence.HandOver"] = [.. Domain, "Domain.Cluster", "Storage"],
        ["Presence"] = [.. Decided, "Domain.Cluster", "Cluster.Shards", "Presence.HandOver"],
        ["Watching"] = [.. Written, "Threading"],
        ["Webhooks"] = [.. Written, "Writing.Commands", "Threading", "Domain.Cluster"],
    };

    /// <summary>The folders that each folder of Server may use. A folder stands for the folders inside it.</summary>
    private static readonly Dictionary<string, string[]> Server = new()
    {
        ["Settings"] = [],
        ["Telemetry"] = ["Settings"],
        ["Errors"] = ["Telemetry"],
        ["Security"] = Security,
        ["Webhooks"] = ["Security", "Telemetry", "Settings"],
        ["Streams"] = Security,
        ["Grpc"] = ["Streams", "Webhooks", .. Security],
        ["Health"] = ["Telemetry"],
        ["Reflection"] = [],
        ["Rest"] = ["Grpc", "Streams", "Webhooks", .. Security],
        ["Composition"] = ["Grpc", "Health", "Streams", "Webhooks", .. Security],
        ["Demo"] = Security,
        ["Cli"] = ["Composition", "Demo", .. Security],
    };

    public static TheoryData<string, string> Folders => [.. Of(Core, "GrpcPresence.Core"), .. Of(Server, "GrpcPresence.Server")];

    [Theory]
    [MemberData(nameof(Folders))]
    public void A_folder_uses_only_the_folders_below_it(string project, string folder)
    {
        var allowed = project == "GrpcPresence.Core" ? Core : Server;
        Assert.True(allowed.ContainsKey(folder), $"The folder {folder} of {project} has no entry. List the folders that it may use.");
        var wrong =
            from type in Types(project)
            where FolderOf(type, project) == folder
            from used in TypeReferences.Of(type)
            let target = FolderOf(used, project)
            where target is not null && target != folder && !allowed[folder].Contains(target)
            select $"{type.FullName} uses {used.FullName}";
        Assert.Empty(wrong.Distinct());
    }

    [Fact]
    public void The_reader_of_references_sees_into_method_bodies()
    {
        // A reader that does not see into method bodies would miss these references, and the test above could pass wrongly.
        var used = TypeReferences.Of(typeof(CommandWriter));
        Assert.Contains(typeof(StorageException), used);
        Assert.Contains(typeof(PresenceMetrics), used);
    }

    private static IEnumerable<TheoryDataRow<string, string>> Of(Dictionary<string, string[]> allowed, string project) =>
        Types(project)
            .Select(type => FolderOf(type, project))
            .OfType<string>()
            .Concat(allowed.Keys)
            .Distinct()
            .Select(folder => new TheoryDataRow<string, string>(project, folder));

    private static Type[] Types(string project) => Assembly.Load(project).GetTypes();

    private static string? FolderOf(Type type, string project) =>
        type.Namespace is { } name && type.Assembly.GetName().Name == project && name.StartsWith(project + ".", StringComparison.Ordinal)
            ? FolderOf(name[(project.Length + 1)..], project)
            : null;

    private static string FolderOf(string path, string project) => project == "GrpcPresence.Core" ? path : path.Split('.')[0];
}
