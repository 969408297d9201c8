using GrpcPresence.Core.Domain.Users;

namespace GrpcPresence.Core.Writing.Commands;

/// <summary>Maintains the number of a user's push bindings. Gives the change a revision if clients can see it.</summary>
internal static class BindingCount
{
    /// <summary>Changes the number and writes the user.</summary>
    public static void Change(CommandBatch batch, ServiceBatch service, UserRecord user, int by)
    {
        var configuration = service.Record.Configuration;
        var after = user with { BindingCount = user.BindingCount + by, HadBinding = true };
        var before = UserState.Of(service.Record.Sid, user, configuration).IsNotifiable;
        if (UserState.Of(service.Record.Sid, after, configuration).IsNotifiable == before)
        {
            batch.Store.UpdateUser(after);
            return;
        }
        var revision = service.NextRevision;
        after = after with { Revision = revision, NotifiableRevision = revision };
        service.TakeRevision();
        batch.Store.UpdateUser(after);
        service.Add(after, UpdateReasons.ReachabilityNotifiable, user.Revision);
    }
}
