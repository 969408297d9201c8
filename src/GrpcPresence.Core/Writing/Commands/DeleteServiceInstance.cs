using GrpcPresence.Core.Domain.Services;

namespace GrpcPresence.Core.Writing.Commands;

/// <summary>
/// Makes a service instance invisible at once; its rows are purged later. Its API keys are revoked, so that they give no access to another
/// that takes its SID.
/// </summary>
/// <param name="sid">The service instance.</param>
public sealed class DeleteServiceInstance(ServiceSid sid) : Command<ServiceSid>
{
    internal override ServiceSid? Target => sid;

    private protected override void CollectCore(KeyCollector keys)
    {
        keys.Directory(sid);
        keys.ApiKeyScope(sid);
    }

    private protected override ServiceSid DecideCore(CommandBatch batch)
    {
        var service = batch.Service(sid);
        service.Delete();
        foreach (var key in batch.ApiKeys.List(sid).Where(key => !key.IsRevoked).ToList())
            batch.Revoke(key);
        return sid;
    }
}
