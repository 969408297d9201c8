using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Domain.Users;

namespace GrpcPresence.Core.Storage;

/// <summary>
/// What a restart must know of the events that an endpoint has received. Rows alone do not suffice: switching reachability off changes what
/// is visible of every known user, and touches no row.
/// </summary>
/// <param name="Revision">The revision up to which all changes of rows since the URL was set have been delivered.</param>
/// <param name="KnownSince">
/// The revision at which the on-period began whose reachability the endpoint may have received; null if reachability was off.
/// </param>
/// <param name="Sweep">The users whose present state the endpoint must still receive although their rows did not change; or null.</param>
public sealed record WebhookPosition(long Revision, long? KnownSince = null, WebhookSweep? Sweep = null)
{
    /// <summary>The position of settings without a URL.</summary>
    public static WebhookPosition None { get; } = new(0);

    /// <summary>Returns the position from which an endpoint receives only the changes that follow.</summary>
    public static WebhookPosition Now(ServiceRecord service) => new(service.Revision, service.Configuration.OnPeriod);
}

/// <summary>A pass over users by their key.</summary>
/// <param name="KnownSince">
/// Selects the users that became known at this revision or later; 0 selects every user, including those that were never known.
/// </param>
/// <param name="AfterId">The key of the last user that the endpoint has received.</param>
public sealed record WebhookSweep(long KnownSince, long AfterId)
{
    /// <summary>
    /// A pass over every user. A store whose data went back, because a backup was restored, starts it for every endpoint: the endpoint may
    /// have received states that the data no longer contains.
    /// </summary>
    public static WebhookSweep Everyone { get; } = new(KnownSince: 0, AfterId: 0);

    /// <summary>Whether the pass covers every user.</summary>
    public bool IsOfEveryone => KnownSince == 0;

    /// <summary>Whether the pass selects the user.</summary>
    public bool Covers(UserRecord user) => IsOfEveryone || user.KnownRevision >= KnownSince;

    /// <summary>Returns a pass that covers the rest of both.</summary>
    public WebhookSweep With(WebhookSweep? other) => other is null
        ? this
        : new WebhookSweep(Math.Min(KnownSince, other.KnownSince), Math.Min(AfterId, other.AfterId));
}
