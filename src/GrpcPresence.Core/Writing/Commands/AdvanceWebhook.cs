using GrpcPresence.Core.Domain.Services;

namespace GrpcPresence.Core.Writing.Commands;

/// <summary>
/// Notes up to which revision the events of a service instance have been told. Takes no revision, and nobody sees it. The result says whether the service
/// instance is still there; where it is not, or another has taken its SID, nothing is done.
/// </summary>
/// <param name="sid">The service instance.</param>
/// <param name="serviceId">The store's key of it.</param>
/// <param name="position">The revision; a lower one than is noted changes nothing.</param>
public sealed class AdvanceWebhook(ServiceSid sid, long serviceId, long position) : Command<bool>
{
    private protected override bool DecideCore(CommandBatch batch)
    {
        if (batch.FindService(sid) is not { } service || service.Record.Id != serviceId)
            return false;
        batch.Store.AdvanceWebhook(serviceId, position);
        return true;
    }
}
