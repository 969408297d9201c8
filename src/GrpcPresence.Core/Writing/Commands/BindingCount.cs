using GrpcPresence.Core.Domain.Users;

namespace GrpcPresence.Core.Writing.Commands;

/// <summary>Maintains the number of a user's push bindings. Gives the change a revision if clients can see it.</summary>
internal static class BindingCount
{
    /// <summary>Changes the number and writes the user.</summary>
    /// <param name="service">The service instance.</param>
    /// <param name="user">The user.</param>
    /// <param name="by">The change: 1 or -1.</param>
    /// <param name="wasTaken">
    /// Whether another end user took a push binding of the user. Watches and webhooks report that even if the user has others, because the
    /// user's devices may now miss notifications.
    /// </param>
    public static void Change(ServiceBatch service, UserRecord user, int by, bool wasTaken = false)
    {
        var configuration = service.Configuration;
        var after = user with { BindingCount = user.BindingCount + by, HadBinding = true };
        var before = UserState.Of(service.Sid, user, configuration).IsNotifiable;
        var isReported = wasTaken && before is not null;
        if (!isReported && UserState.Of(service.Sid, after, configuration).IsNotifiable == before)
        {
            service.Rows.Update(after);
            return;
        }
        var revision = service.NextRevision;
        after = after with { Revision = revision, NotifiableRevision = revision };
        service.TakeRevision();
        service.Rows.Update(after);
        service.Add(after, UpdateReasons.ReachabilityNotifiable, user.Revision);
    }
}
