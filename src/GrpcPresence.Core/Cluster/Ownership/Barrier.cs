using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Writing;

namespace GrpcPresence.Core.Cluster.Ownership;

/// <summary>Writes nothing. When it is complete, every command that was decided before it is committed and complete.</summary>
internal sealed class Barrier : Command<int>
{
    /// <inheritdoc/>
    public override CommandSubject Subject => default;

    internal override ServiceSid? Target => null;

    private protected override void CollectCore(KeyCollector keys)
    {
    }

    private protected override int DecideCore(CommandBatch batch) => 0;
}
