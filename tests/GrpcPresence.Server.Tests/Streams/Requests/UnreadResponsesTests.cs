using System.Net;
using System.Net.Http.Headers;
using Google.Protobuf;
using Grpc.Core;
using GrpcPresence.Server.Settings;
using GrpcPresence.Server.Tests.Fixture;
using GrpcPresence.Server.Tests.Hostile.Http2;
using GrpcPresence.V1;
using Barrier = GrpcPresence.Server.Tests.Fixture.Barrier;

namespace GrpcPresence.Server.Tests.Streams.Requests;

/// <summary>Tests that responses count against the quotas of their reader until the client has read them.</summary>
public sealed class UnreadResponsesTests
{
    private const int Users = 10;
    private const int AttributeBytes = 15_000; // a page is larger than the client's window
    private const int Limit = Users * AttributeBytes * 3 / 2; // one page, and not two

    [Theory]
    [InlineData("application/grpc")]
    [InlineData("application/grpc-web")]
    public async Task Quotas_A_response_that_its_client_does_not_read_counts_until_its_stream_ends(string type)
    {
        var defaults = new QuotaSettings();
        var quotas = defaults with { ServiceInstance = defaults.ServiceInstance with { UnreadResponseBytes = Limit } };
        await using var server = await TestServer.StartAsync(settings: new ServerSettings { Port = 0, RestPort = 0, Quotas = quotas });
        var list = new ListUsersRequest { ServiceSid = await CreateUsersAsync(server) };

        CallError rejected;
        using (await OpenAsync(server, type, list))
            rejected = await CallError.Of(server.Users.ListUsersAsync(list));

        Assert.Equal((StatusCode.ResourceExhausted, "QUOTA_EXCEEDED"), (rejected.Code, rejected.Reason));
        Assert.Equal(("unread_response_bytes", "service_instance"), (rejected.Metadata["quota"], rejected.Metadata["subject"]));
        await Barrier.Within(ListUntilServedAsync(server, list), "the response of the closed stream counted no more");
    }

    [Fact]
    public async Task Quotas_Responses_that_are_read_do_not_add_up()
    {
        var defaults = new QuotaSettings();
        var quotas = defaults with { ServiceInstance = defaults.ServiceInstance with { UnreadResponseBytes = Limit } };
        await using var server = await TestServer.StartAsync(settings: new ServerSettings { Port = 0, RestPort = 0, Quotas = quotas });
        var list = new ListUsersRequest { ServiceSid = await CreateUsersAsync(server) };
        using var rest = new HttpClient();

        for (var i = 0; i < 5; i++)
        {
            // A client may see the end of a response before the server counts it as read.
            await Barrier.Within(ListUntilServedAsync(server, list), "a page was served after others were read");
            var page = await rest.GetAsync(new Uri(server.RestAddress, $"/v1/Services/{list.ServiceSid}/Users"), TestRun.Token);
            Assert.True(page.StatusCode is HttpStatusCode.OK or HttpStatusCode.TooManyRequests, $"{page.StatusCode}");
        }
    }

    private static async Task<string> CreateUsersAsync(TestServer server)
    {
        var service = await server.CreateServiceAsync();
        var attributes = $"{{\"text\":\"{new string('a', AttributeBytes)}\"}}";
        for (var i = 0; i < Users; i++)
        {
            await server.Users.CreateUserAsync(
                new CreateUserRequest { ServiceSid = service, Identity = $"user-{i}", Attributes = attributes });
        }
        return service;
    }

    /// <summary>Returns when the response has begun; its body stays unread until it is disposed of.</summary>
    private static async Task<IDisposable> OpenAsync(TestServer server, string type, IMessage request)
    {
        const int SmallestWindow = 65_535;
        var http = new HttpClient(new SocketsHttpHandler { InitialHttp2StreamWindowSize = SmallestWindow });
        using var post = new HttpRequestMessage(HttpMethod.Post, new Uri(server.Address, "/presence.v1.UserService/ListUsers"))
        {
            Version = HttpVersion.Version20,
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
            Content = new ByteArrayContent(Conversation.Message(request.ToByteArray())),
        };
        post.Content.Headers.ContentType = new MediaTypeHeaderValue(type);
        var response = await http.SendAsync(post, HttpCompletionOption.ResponseHeadersRead, TestRun.Token);
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        return http;
    }

    private static async Task ListUntilServedAsync(TestServer server, ListUsersRequest list)
    {
        for (var isServed = false; !isServed;)
        {
            try
            {
                isServed = (await server.Users.ListUsersAsync(list, cancellationToken: TestRun.Token)).Users.Count == Users;
            }
            catch (RpcException exception) when (exception.StatusCode == StatusCode.ResourceExhausted)
            {
                // The server has not seen the end of the other response yet.
            }
        }
    }
}
