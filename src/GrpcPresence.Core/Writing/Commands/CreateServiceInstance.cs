using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Domain.Services;

namespace GrpcPresence.Core.Writing.Commands;

/// <summary>Creates a service instance with the default configuration. ServiceInstanceAlreadyExists if another has the SID.</summary>
/// <param name="sid">The SID; null draws one.</param>
/// <param name="friendlyName">The display name.</param>
public sealed class CreateServiceInstance(ServiceSid? sid, string friendlyName) : Command<ServiceRecord>
{
    private readonly ServiceSid _sid = sid ?? RandomSids.NewServiceSid();

    internal override ServiceSid? Target => _sid;

    private protected override void CollectCore(KeyCollector keys) => keys.Directory(_sid);

    private protected override ServiceRecord DecideCore(CommandBatch batch)
    {
        if (batch.FindService(_sid) is not null)
            throw PresenceErrors.ServiceInstanceAlreadyExists(_sid);
        return batch.Insert(new ServiceRecord
        {
            Sid = _sid,
            FriendlyName = friendlyName,
            CreateTime = batch.Now,
            UpdateTime = batch.Now,
            Configuration = new ServiceConfiguration { UpdateTime = batch.Now },
        });
    }
}
