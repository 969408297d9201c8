using Microsoft.Extensions.DependencyInjection;

namespace GrpcPresence.Client;

/// <summary>Configures the client that was added to a collection of services.</summary>
public sealed class PresenceClientBuilder
{
    internal PresenceClientBuilder(IServiceCollection services) => Services = services;

    /// <summary>The services.</summary>
    public IServiceCollection Services { get; }

    /// <summary>Authenticates with an API key. See <see cref="PresenceCredentials.ApiKey"/>.</summary>
    public PresenceClientBuilder WithApiKey(string sid, string secret) => With(PresenceCredentials.ApiKey(sid, secret));

    /// <summary>Authenticates with access tokens. See <see cref="PresenceCredentials.AccessToken"/>.</summary>
    public PresenceClientBuilder WithAccessToken(Func<string, CancellationToken, Task<string>> provider) =>
        With(PresenceCredentials.AccessToken(provider));

    private PresenceClientBuilder With(PresenceCredentials credentials)
    {
        Services.Configure<PresenceClientOptions>(options => options.Credentials = credentials);
        return this;
    }
}
