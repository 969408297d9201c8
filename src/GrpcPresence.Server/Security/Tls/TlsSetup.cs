using GrpcPresence.Server.Settings;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Https;

namespace GrpcPresence.Server.Security.Tls;

/// <summary>Adds TLS to the server and to a listener.</summary>
internal static class TlsSetup
{
    /// <summary>Adds TLS if the settings name a certificate. The listener then needs <see cref="TlsHandshakes"/>.</summary>
    public static IServiceCollection AddTls(this IServiceCollection services, ServerSettings settings)
    {
        if (settings.TlsCertificate is null)
            return services;
        services.AddSingleton<TlsFiles>();
        services.AddSingleton<ClientCertificateCheck>();
        services.AddSingleton<TlsHandshakes>();
        services.AddHostedService<TlsReload>();
        return services;
    }

    /// <summary>
    /// Makes the listener use TLS. Clients choose between HTTP/2 and HTTP/1.1 in the handshake, which is not possible without TLS.
    /// </summary>
    public static void UseTls(this ListenOptions listen, TlsHandshakes handshakes)
    {
        listen.Protocols = HttpProtocols.Http1AndHttp2;
        listen.UseHttps(new TlsHandshakeCallbackOptions { OnConnection = _ => ValueTask.FromResult(handshakes.NewOptions()) });
        listen.Use(next => connection =>
        {
            // Once per connection: all its requests come from the same client.
            if (connection.Features.Get<ITlsConnectionFeature>()?.ClientCertificate is { } certificate)
                ClientCertificateNames.Remember(connection.Features, certificate);
            return next(connection);
        });
    }
}
