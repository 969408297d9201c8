namespace GrpcPresence.Twilio.Tests.Fixture;

// docs/rest.md shows this class.
internal sealed class LocalServer(Uri server) : DelegatingHandler(new HttpClientHandler())
{
    protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        request.RequestUri = new Uri(server, request.RequestUri!.PathAndQuery);
        return base.SendAsync(request, cancellationToken);
    }
}
