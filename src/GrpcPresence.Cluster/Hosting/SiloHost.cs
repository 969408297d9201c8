using GrpcPresence.Cluster.Channel;
using GrpcPresence.Cluster.Membership;
using GrpcPresence.Cluster.Security;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Orleans.Configuration;
using Orleans.Serialization;

namespace GrpcPresence.Cluster.Hosting;

/// <summary>Builds the host of the silo: a part of the process with services, lifetime and logs of its own.</summary>
internal static class SiloHost
{
    /// <summary>Builds the host; it is not started.</summary>
    public static IHost Build(
        ClusterTransportOptions options,
        ILocalSiloDetails identity,
        MembershipDatabase database,
        NodeInbox inbox,
        PeerTls? tls,
        IFatalErrorHandler fatalErrors,
        ILoggerFactory loggerFactory)
    {
        // Without the settings of the environment: they are those of the process, and Orleans reads some.
        var builder = Host.CreateEmptyApplicationBuilder(new HostApplicationBuilderSettings { DisableDefaults = true });
        // The last registration counts. Signals and the console are the concern of the process.
        builder.Services.AddSingleton<IHostLifetime, NoLifetime>();
        builder.Services.AddSingleton(loggerFactory);
        builder.Services.AddSingleton(inbox);
        builder.Services.AddSingleton<NodeServiceClient>();
        // Orleans leaves these two alone if they are there.
        builder.Services.AddSingleton(identity);
        builder.Services.AddSingleton(fatalErrors);
        builder.UseOrleans(silo =>
        {
            silo.Services.AddSerializer(serializer => serializer.AddAssembly(typeof(SiloHost).Assembly));
            silo.AddGrainService<NodeService>();
            silo.UseAdoNetClustering(clustering =>
            {
                clustering.Invariant = "Npgsql";
                clustering.DataSource = database.Source;
            });
            silo.Configure<ClusterOptions>(cluster => (cluster.ClusterId, cluster.ServiceId) = (options.ClusterId, options.ClusterId));
            silo.Configure<SiloOptions>(it => it.SiloName = identity.Name);
            silo.Configure<EndpointOptions>(endpoint =>
            {
                endpoint.AdvertisedIPAddress = options.AdvertisedAddress.Address;
                endpoint.SiloPort = options.AdvertisedAddress.Port;
                endpoint.SiloListeningEndpoint = options.ListenAddress ?? options.AdvertisedAddress;
                // No program but the nodes connects.
                endpoint.GatewayPort = 0;
            });
            silo.Configure<ClusterMembershipOptions>(Configure);
            silo.Configure<ConnectionOptions>(Configure);
            if (tls is not null)
                silo.UseTls(tls.Configure);
        });
        return builder.Build();
    }

    private static void Configure(ClusterMembershipOptions membership)
    {
        // Three missed probes of a second each, and two nodes that agree: a node that stops answering leaves the view after about 3 s, and
        // one that is killed a little sooner, because connections to it fail at once.
        membership.ProbeTimeout = TimeSpan.FromSeconds(1);
        membership.NumMissedProbesLimit = 3;
        membership.NumVotesForDeathDeclaration = 2;
        // Orleans adapts the timeout of probes to their times. Below half a second, a pause of the garbage collector would count. Above a
        // second, detection would take longer than clients wait.
        membership.MinProbeTimeout = TimeSpan.FromSeconds(0.5);
        membership.MaxProbeTimeout = TimeSpan.FromSeconds(1);
        // Nodes gossip each new version. A node that misses it finds it here.
        membership.TableRefreshTimeout = TimeSpan.FromSeconds(1);
        // After three of these, a node of the table that does not answer counts as gone: those of a cluster that lost its power must not
        // keep the first node from joining.
        membership.IAmAliveTablePublishTimeout = TimeSpan.FromSeconds(5);
        // Votes that are older say nothing about the node now.
        membership.DeathVoteExpirationTimeout = TimeSpan.FromSeconds(30);
        // A node that cannot reach another one ends with an error. Its supervisor starts it again.
        membership.MaxJoinAttemptTime = TimeSpan.FromMinutes(1);
        // Runs that are gone. The last ones of an address stay, so that the next one gets a greater incarnation.
        membership.DefunctSiloExpiration = TimeSpan.FromDays(7);
        membership.DefunctSiloCleanupPeriod = TimeSpan.FromHours(1);
        membership.MaxDefunctSiloEntries = 100;
    }

    private static void Configure(ConnectionOptions connections)
    {
        // A connection keeps the order of messages, which the probes of a peer need.
        connections.ConnectionsPerEndpoint = 1;
        // Nodes are in one network. A node that does not accept in this time is being suspected anyway.
        connections.OpenConnectionTimeout = TimeSpan.FromSeconds(2);
        connections.ConnectionRetryDelay = TimeSpan.FromMilliseconds(250);
    }

    /// <summary>The process starts and stops the host.</summary>
    private sealed class NoLifetime : IHostLifetime
    {
        public Task WaitForStartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    }
}
