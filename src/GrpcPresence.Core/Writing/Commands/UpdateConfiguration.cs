using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Domain.Services;

namespace GrpcPresence.Core.Writing.Commands;

/// <summary>
/// Changes the configuration. EtagMismatch if the given etag is not the current one; a field reason if the result contradicts itself.
/// Switching reachability changes no user, so its cost does not depend on their number.
/// </summary>
/// <param name="sid">The service instance.</param>
/// <param name="etag">The etag that must be the current one; empty for any.</param>
/// <param name="edit">Creates the new settings from the present ones; must be pure.</param>
public sealed class UpdateConfiguration(ServiceSid sid, string etag, Func<ServiceConfiguration, ServiceConfiguration> edit)
    : Command<ServiceConfiguration>
{
    internal override ServiceSid? Target => sid;

    private protected override void CollectCore(KeyCollector keys) => keys.Service(sid);

    private protected override ServiceConfiguration DecideCore(CommandBatch batch)
    {
        var service = batch.Service(sid);
        var before = service.Configuration;
        if (etag.Length > 0 && etag != before.Etag)
            throw PresenceErrors.EtagMismatch();
        var after = edit(before);
        ConfigurationRules.Check(after);
        if (after == before)
            return before;

        service.TakeRevision();
        var revision = service.Revision;
        var isSwitched = after.ReachabilityEnabled != before.ReachabilityEnabled;
        after = after with
        {
            Revision = revision,
            UpdateTime = batch.Now,
            SwitchRevision = isSwitched ? revision : before.SwitchRevision,
            SwitchedOnRevision = isSwitched && after.ReachabilityEnabled ? revision : before.SwitchedOnRevision,
        };
        service.Configure(after);
        return after;
    }
}
