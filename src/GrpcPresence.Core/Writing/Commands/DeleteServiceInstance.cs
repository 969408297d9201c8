using GrpcPresence.Core.Domain.Services;

namespace GrpcPresence.Core.Writing.Commands;

/// <summary>
/// Makes a service instance invisible at once; its rows are purged later. Its API keys are revoked, so that they give no access to another
/// that takes its SID.
/// </summary>
/// <param name="sid">The service instance.</param>
public sealed class DeleteServiceInstance(ServiceSid sid) : Command<ServiceSid>
{
    private protected override ServiceSid DecideCore(CommandBatch batch)
    {
        var service = batch.Service(sid);
        batch.Store.DeleteService(service.Record.Id);
        service.Delete();
        foreach (var key in batch.Store.ListApiKeysInForce(sid))
            batch.Revoke(key);
        return sid;
    }
}
