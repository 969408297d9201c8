using GrpcPresence.Core.Storage.Batches;

namespace GrpcPresence.Testing.Cluster;

/// <summary>
/// A commit that was given up and is still on its way. It happens when it lands, unless the fence or another generation prevents that then.
/// </summary>
/// <param name="Store">The store of the node that made it.</param>
/// <param name="Writes">A copy of what it writes.</param>
/// <param name="HoldsRows">
/// Whether it has taken the rows of its service instances, so that commits of other nodes to these wait in vain. A new generation of its
/// writer, and the end of its node, end its session and free the rows.
/// </param>
internal sealed record LateCommit(InMemoryPresenceStore Store, BatchWrites Writes, bool HoldsRows)
{
    /// <summary>Returns a copy, because the writer uses its object again.</summary>
    public static BatchWrites Copy(BatchWrites writes)
    {
        var copy = new BatchWrites
        {
            Node = writes.Node,
            Data = writes.Data,
            Generation = writes.Generation,
            Number = writes.Number,
            DirectoryVersion = writes.DirectoryVersion,
            UsersPerService = writes.UsersPerService,
            Uptime = writes.Uptime,
        };
        copy.Shards.AddRange(writes.Shards);
        copy.Switches.AddRange(writes.Switches);
        copy.NewApiKeys.AddRange(writes.NewApiKeys);
        copy.ChangedApiKeys.AddRange(writes.ChangedApiKeys);
        copy.DeletedApiKeys.AddRange(writes.DeletedApiKeys);
        copy.AliveMarks.AddRange(writes.AliveMarks);
        foreach (var service in writes.Services)
            Copy(service, copy.AddService(service.Read, service.Service));
        return copy;
    }

    private static void Copy(ServiceWrites from, ServiceWrites to)
    {
        to.UserVersions = from.UserVersions.ToDictionary();
        to.ChangesSettings = from.ChangesSettings;
        to.DependsOnRevision = from.DependsOnRevision;
        to.IsNew = from.IsNew;
        to.IsDeleted = from.IsDeleted;
        to.DeletedBindings.AddRange(from.DeletedBindings);
        to.DeletedUsers.AddRange(from.DeletedUsers);
        to.Tombstones.AddRange(from.Tombstones);
        to.ChangedUsers.AddRange(from.ChangedUsers);
        to.Presences.AddRange(from.Presences);
        to.NewUsers.AddRange(from.NewUsers);
        to.NewBindings.AddRange(from.NewBindings);
        to.EndedSessions.AddRange(from.EndedSessions);
        to.Webhook = from.Webhook;
        to.ReadPosition = from.ReadPosition;
        to.Notifications = from.Notifications;
    }
}
