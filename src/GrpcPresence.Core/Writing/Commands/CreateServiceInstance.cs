using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Domain.Services;

namespace GrpcPresence.Core.Writing.Commands;

/// <summary>Creates a service instance with the default configuration. ServiceInstanceAlreadyExists if another has the SID.</summary>
/// <param name="sid">The SID; null draws one.</param>
/// <param name="friendlyName">The display name.</param>
public sealed class CreateServiceInstance(ServiceSid? sid, string friendlyName) : Command<ServiceRecord>
{
    private protected override ServiceRecord DecideCore(CommandBatch batch)
    {
        var chosen = sid ?? RandomSids.NewServiceSid();
        if (batch.FindService(chosen) is not null)
            throw PresenceErrors.ServiceInstanceAlreadyExists(chosen);
        var record = batch.Store.InsertService(new ServiceRecord
        {
            Sid = chosen,
            FriendlyName = friendlyName,
            CreateTime = batch.Now,
            UpdateTime = batch.Now,
            Configuration = new ServiceConfiguration { UpdateTime = batch.Now },
        });
        return batch.Add(new ServiceBatch(record) { IsNew = true }).Record;
    }
}
