using GrpcPresence.Core.Changes;
using GrpcPresence.Core.Configuration;
using GrpcPresence.Core.Users;

namespace GrpcPresence.Server.Tests.Fixture;

/// <summary>Nobody is tracked and nobody watches.</summary>
internal sealed class NoCells : IUserCells, ICommitPublisher
{
    public UserCell? Find(ServiceSid service, long serviceId, Identity identity) => null;

    public void Reconsider(LiveService service)
    {
    }

    public void Publish(IReadOnlyList<ServiceCommit> commits)
    {
    }
}
