using GrpcPresence.Twilio.Tests.Fixture;
using Twilio;
using Twilio.Rest.Conversations.V1.Service;
using ServiceResource = Twilio.Rest.Conversations.V1.ServiceResource;

namespace GrpcPresence.Twilio.Tests;

/// <summary>Runs the sample program that enables reachability, unchanged from the documentation of Twilio Conversations.</summary>
public sealed class SeedSampleTests(OpenServer server)
{
    private const string Placeholder = "ISXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXX";

    [Fact]
    public async Task The_sample_switches_reachability_on_and_prints_the_service_SID()
    {
        var service = (await ServiceResource.CreateAsync("Sample", server.Client)).Sid;
        Environment.SetEnvironmentVariable("TWILIO_ACCOUNT_SID", PresenceServer.AccountSid);
        Environment.SetEnvironmentVariable("TWILIO_AUTH_TOKEN", PresenceServer.AuthToken);
        // The sample also calls Init. With the same credentials, it keeps the client.
        TwilioClient.Init(PresenceServer.AccountSid, PresenceServer.AuthToken);
        using var handler = new ServiceNamer(server.Rest, service);
        TwilioClient.SetRestClient(server.ClientOf(PresenceServer.AccountSid, PresenceServer.AuthToken, handler));

        await Program.Main([]);

        Assert.Equal(service, TestContext.Current.TestOutputHelper!.Output.Trim());
        Assert.True((await ConfigurationResource.FetchAsync(service, server.Client)).ReachabilityEnabled);
    }

    /// <summary>Replaces the sample's placeholder with a SID, as its user would.</summary>
    private sealed class ServiceNamer : DelegatingHandler
    {
        private readonly string _service;

        public ServiceNamer(Uri server, string service)
            : base(new LocalServer(server)) => _service = service;

        protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            request.RequestUri = new Uri(request.RequestUri!.AbsoluteUri.Replace(Placeholder, _service, StringComparison.Ordinal));
            return base.SendAsync(request, cancellationToken);
        }
    }
}
