using GrpcPresence.Server.Settings;
using Microsoft.AspNetCore.HttpOverrides;

namespace GrpcPresence.Server.Security;

/// <summary>
/// Lets trusted proxies say how a client called them: with which scheme, host and path prefix. The server has no other use for forwarded
/// headers, because quotas and credentials do not depend on the client's address.
/// </summary>
internal static class TrustedProxies
{
    /// <summary>Applies the headers of the proxies that the settings name, if any. Each header counts with its last value.</summary>
    public static void UseTrustedProxies(this WebApplication app)
    {
        if (app.Services.GetRequiredService<ServerSettings>().TrustedProxies is not { } trusted)
            return;
        var options = new ForwardedHeadersOptions
        {
            ForwardedHeaders = ForwardedHeaders.XForwardedProto | ForwardedHeaders.XForwardedHost | ForwardedHeaders.XForwardedPrefix,
        };
        // By default, all proxies on this machine are trusted.
        options.KnownProxies.Clear();
        options.KnownIPNetworks.Clear();
        foreach (var network in trusted.Networks)
            options.KnownIPNetworks.Add(network);
        app.UseForwardedHeaders(options);
    }
}
