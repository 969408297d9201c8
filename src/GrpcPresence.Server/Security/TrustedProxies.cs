using GrpcPresence.Server.Settings;
using Microsoft.AspNetCore.HttpOverrides;

namespace GrpcPresence.Server.Security;

/// <summary>
/// Lets trusted proxies say how a client called them: with which scheme, host and path prefix, and from which address. The server counts
/// failed authentications for each address. Nothing else depends on it.
/// </summary>
internal static class TrustedProxies
{
    /// <summary>Applies the headers of the trusted proxies. Each header counts with its last value.</summary>
    public static void UseTrustedProxies(this WebApplication app, TrustedNetworks trusted)
    {
        var options = new ForwardedHeadersOptions
        {
            ForwardedHeaders = ForwardedHeaders.XForwardedFor | ForwardedHeaders.XForwardedProto
                | ForwardedHeaders.XForwardedHost | ForwardedHeaders.XForwardedPrefix,
        };
        // By default, all proxies on this machine are trusted.
        options.KnownProxies.Clear();
        options.KnownIPNetworks.Clear();
        foreach (var network in trusted.Networks)
            options.KnownIPNetworks.Add(network);
        app.UseForwardedHeaders(options);
    }
}
