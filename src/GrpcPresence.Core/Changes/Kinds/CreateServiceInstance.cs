using GrpcPresence.Core.Configuration;
using GrpcPresence.Core.Errors;

namespace GrpcPresence.Core.Changes.Kinds;

/// <summary>Creates a service instance with the default configuration. ServiceInstanceAlreadyExists when the given SID is taken.</summary>
/// <param name="sid">The SID; null draws one.</param>
/// <param name="friendlyName">A name for people.</param>
public sealed class CreateServiceInstance(ServiceSid? sid, string friendlyName) : RequestedChange<ServiceRecord>
{
    private protected override ServiceRecord DecideCore(ChangeBatch batch)
    {
        var chosen = sid ?? batch.Sids.NewServiceSid();
        if (batch.FindService(chosen) is not null)
            throw Refusals.ServiceInstanceAlreadyExists(chosen);
        var record = batch.Store.InsertService(new ServiceRecord
        {
            Sid = chosen,
            FriendlyName = friendlyName,
            CreateTime = batch.Now,
            UpdateTime = batch.Now,
            Configuration = new ServiceConfiguration { UpdateTime = batch.Now },
        });
        return batch.Add(new ServiceSlot(record) { IsNew = true }).Record;
    }
}
