using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Storage;

namespace GrpcPresence.Core.Writing.Commands;

/// <summary>
/// Notes how far the events of a service instance have been delivered. Takes no revision and is not visible to clients. The result says
/// whether the service instance still exists. Does nothing if it does not, or if another has taken its SID.
/// </summary>
/// <param name="sid">The service instance.</param>
/// <param name="serviceId">The store's key of it.</param>
/// <param name="expected">The position that must be the stored one. Otherwise the URL was set again, and nothing changes.</param>
/// <param name="reached">The new position.</param>
public sealed class AdvanceWebhook(ServiceSid sid, long serviceId, WebhookPosition expected, WebhookPosition reached) : Command<bool>
{
    private protected override bool DecideCore(CommandBatch batch)
    {
        if (batch.FindService(sid) is not { } service || service.Record.Id != serviceId)
            return false;
        batch.Store.AdvanceWebhook(serviceId, expected, reached);
        return true;
    }
}
