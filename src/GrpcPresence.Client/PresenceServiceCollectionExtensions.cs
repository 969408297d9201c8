using System.Diagnostics.Metrics;
using Grpc.Core;
using Grpc.Net.ClientFactory;
using GrpcPresence.Client.Connections;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace GrpcPresence.Client;

/// <summary>Adds the client to a collection of services.</summary>
public static class PresenceServiceCollectionExtensions
{
    private const string Calls = "GrpcPresence.Client";
    private const string Heartbeats = "GrpcPresence.Client.Heartbeats";

    /// <summary>
    /// Adds <see cref="IPresenceClient"/> as a singleton over the gRPC client factory. The container disposes of it, which ends its
    /// sessions. Called again, it configures the same client further: settings of the later call win.
    /// </summary>
    /// <param name="services">The services.</param>
    /// <param name="configure">Sets at least the address and the service instance.</param>
    /// <returns>A builder that adds credentials.</returns>
    public static PresenceClientBuilder AddPresenceClient(this IServiceCollection services, Action<PresenceClientOptions> configure)
    {
        ArgumentNullException.ThrowIfNull(services);
        ArgumentNullException.ThrowIfNull(configure);
        services.Configure(configure);
        services.AddOptions<PresenceClientOptions>().PostConfigure<IServiceProvider>((options, provider) =>
        {
            options.LoggerFactory ??= provider.GetService<ILoggerFactory>();
            options.MeterFactory ??= provider.GetService<IMeterFactory>();
        });
        services.TryAddSingleton(provider => new Transport(OptionsOf(provider)));
        AddConnection(services, Calls);
        AddConnection(services, Heartbeats);
        services.TryAddSingleton<IPresenceClient>(provider => new PresenceClient(
            OptionsOf(provider),
            InvokerOf(provider, Calls),
            InvokerOf(provider, Heartbeats),
            random: null,
            provider.GetRequiredService<Transport>()));
        return new PresenceClientBuilder(services);
    }

    private static void AddConnection(IServiceCollection services, string name) => services
        .AddGrpcClient<InvokerClient>(name, (provider, factory) => factory.Address = OptionsOf(provider).Address)
        .ConfigureChannel((provider, channel) => provider.GetRequiredService<Transport>().Configure(channel))
        .ConfigurePrimaryHttpMessageHandler(provider => provider.GetRequiredService<Transport>().NewHandler())
        // Otherwise the factory logs four lines a call, and each watch and stream is a call.
        .RemoveAllLoggers()
        // The channel keeps its handler. A handler that the factory replaces would take its open streams along.
        .SetHandlerLifetime(Timeout.InfiniteTimeSpan);

    private static PresenceClientOptions OptionsOf(IServiceProvider provider) =>
        provider.GetRequiredService<IOptions<PresenceClientOptions>>().Value;

    private static CallInvoker InvokerOf(IServiceProvider provider, string name)
    {
        // Otherwise a missing address would be reported by the factory, in other words.
        OptionsOf(provider).Validate();
        return provider.GetRequiredService<GrpcClientFactory>().CreateClient<InvokerClient>(name).Invoker;
    }

    /// <summary>What the factory creates: a way to make calls.</summary>
    private sealed class InvokerClient(CallInvoker invoker) : ClientBase<InvokerClient>(invoker)
    {
        public CallInvoker Invoker => CallInvoker;

        protected override InvokerClient NewInstance(ClientBaseConfiguration configuration) =>
            throw new NotSupportedException("The client factory does not need it.");
    }
}
