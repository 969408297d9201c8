using GrpcPresence.Core.Domain.Services;

namespace GrpcPresence.Core.Writing.Commands;

/// <summary>
/// Notes up to which revision the events of a service instance have been delivered. Takes no revision and is not visible to clients. The
/// result says whether the service instance still exists. Does nothing if it does not, or if another has taken its SID.
/// </summary>
/// <param name="sid">The service instance.</param>
/// <param name="serviceId">The store's key of it.</param>
/// <param name="position">The revision. A lower one than is stored changes nothing.</param>
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
