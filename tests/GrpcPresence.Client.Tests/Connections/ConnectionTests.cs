using GrpcPresence.Client.Tests.Fixture;

namespace GrpcPresence.Client.Tests.Connections;

/// <summary>Tests the connections that the client makes by itself.</summary>
public sealed class ConnectionTests
{
    [Fact]
    public async Task More_streams_than_a_connection_may_have_get_another_connection()
    {
        await using var server = await PresenceServer.StartAsync(streamsPerConnection: 5);
        await using var client = PresenceClient.Create(new PresenceClientOptions
        {
            Address = new Uri($"http://127.0.0.1:{server.Port}"),
            ServiceSid = server.ServiceSid,
            // The server checks no credentials. With access tokens, each user has a stream.
            Credentials = PresenceCredentials.AccessToken((identity, _) => Task.FromResult(identity)),
        });

        // From the first answer on, the transport knows the limit.
        await Barrier.Within(client.StartSessionAsync("first"), "the first session started");
        var starting = Enumerable.Range(0, 12).Select(i => client.StartSessionAsync($"user-{i}"));

        await Barrier.Within(Task.WhenAll(starting), "the sessions of all users started");
    }
}
