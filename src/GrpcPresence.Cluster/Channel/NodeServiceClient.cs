using Orleans.Runtime.Services;

namespace GrpcPresence.Cluster.Channel;

/// <summary>Finds the service of a silo. Orleans offers that to derived classes only.</summary>
internal sealed class NodeServiceClient(IServiceProvider services) : GrainServiceClient<INodeService>(services)
{
    /// <summary>Returns the service of a run of a silo. A call never reaches another run.</summary>
    public INodeService Find(SiloAddress silo) => GetGrainService(silo);
}
