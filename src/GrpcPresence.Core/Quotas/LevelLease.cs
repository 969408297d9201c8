using GrpcPresence.Core.Domain.Errors;

namespace GrpcPresence.Core.Quotas;

/// <summary>What a service instance and a caller hold of a quota. Disposing it gives it back; to be disposed of once.</summary>
internal sealed class LevelLease(UsageCounters? service, UsageCounters? caller, Quota quota, int count) : IDisposable
{
    /// <inheritdoc/>
    public void Dispose()
    {
        caller?.LevelOf(quota).Remove(count);
        service?.LevelOf(quota).Remove(count);
    }
}
