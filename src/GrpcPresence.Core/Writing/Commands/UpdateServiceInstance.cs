using GrpcPresence.Core.Domain.Services;

namespace GrpcPresence.Core.Writing.Commands;

/// <summary>Changes the friendly name of a service instance. Takes no revision, because watches do not show it.</summary>
/// <param name="sid">The service instance.</param>
/// <param name="friendlyName">The new name.</param>
public sealed class UpdateServiceInstance(ServiceSid sid, string friendlyName) : Command<ServiceRecord>
{
    internal override ServiceSid? Target => sid;

    private protected override void CollectCore(KeyCollector keys) => keys.Service(sid);

    private protected override ServiceRecord DecideCore(CommandBatch batch)
    {
        var service = batch.Service(sid);
        if (service.Record.FriendlyName != friendlyName)
            service.Update(service.Record with { FriendlyName = friendlyName, UpdateTime = batch.Now });
        return service.Record;
    }
}
