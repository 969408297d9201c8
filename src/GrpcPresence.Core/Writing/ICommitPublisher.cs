using GrpcPresence.Core.Domain.Services;

namespace GrpcPresence.Core.Writing;

/// <summary>Receives what was committed, in the order of the commits, before any caller is answered.</summary>
public interface ICommitPublisher
{
    /// <summary>
    /// Whether commits of the service instance should contain each user that changed. Otherwise they may leave out users, and
    /// <see cref="ServiceCommit.IsPartial"/> says so. Called on the writer's thread before the commit is decided, so the answer may be
    /// outdated by the time of <see cref="Publish"/>.
    /// </summary>
    bool NeedsUsers(ServiceSid service);

    /// <summary>Called on the writer's thread; must neither wait nor throw.</summary>
    void Publish(IReadOnlyList<ServiceCommit> commits);
}
