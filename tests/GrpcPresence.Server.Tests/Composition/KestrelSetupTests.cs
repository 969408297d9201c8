using GrpcPresence.Server.Composition;
using GrpcPresence.Server.Settings;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace GrpcPresence.Server.Tests.Composition;

/// <summary>Tests the settings of the listener for clients that are silent or slow.</summary>
public sealed class KestrelSetupTests
{
    private readonly KestrelServerOptions _kestrel = new();

    [Fact]
    public void Clients_are_pinged_as_the_settings_say()
    {
        KestrelSetup.Configure(_kestrel, new ServerSettings
        {
            KeepAlivePingDelay = TimeSpan.FromSeconds(2),
            KeepAlivePingTimeout = TimeSpan.FromSeconds(3),
        });
        Assert.Equal(TimeSpan.FromSeconds(2), _kestrel.Limits.Http2.KeepAlivePingDelay);
        Assert.Equal(TimeSpan.FromSeconds(3), _kestrel.Limits.Http2.KeepAlivePingTimeout);
    }

    [Fact]
    public void A_proxy_that_ends_TLS_may_pass_on_the_scheme_of_its_client()
    {
        KestrelSetup.Configure(_kestrel, new ServerSettings());
        Assert.True(_kestrel.AllowAlternateSchemes);
    }

    [Fact]
    public void A_slow_reader_is_ended_by_the_watch_with_a_token_and_not_by_the_listener()
    {
        KestrelSetup.Configure(_kestrel, new ServerSettings());
        Assert.Null(_kestrel.Limits.MinResponseDataRate);
    }

    [Fact]
    public void A_body_that_waits_ends_its_own_request_and_not_the_connection()
    {
        KestrelSetup.Configure(_kestrel, new ServerSettings());
        Assert.Null(_kestrel.Limits.MinRequestBodyDataRate);
    }
}
