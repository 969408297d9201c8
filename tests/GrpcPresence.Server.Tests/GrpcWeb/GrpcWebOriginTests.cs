using System.Net;
using Google.Protobuf;
using Grpc.Core;
using GrpcPresence.Server.Settings;
using GrpcPresence.Server.Tests.Fixture;
using GrpcPresence.V1;

namespace GrpcPresence.Server.Tests.GrpcWeb;

/// <summary>Calls from pages of other origins follow the same rules as REST.</summary>
public sealed class GrpcWebOriginTests
{
    private const string Page = "https://app.example";
    private const string Foreign = "https://foreign.example";
    private const string Create = "/presence.v1.ConfigurationService/CreateServiceInstance";
    private const string GetUser = "/presence.v1.UserService/GetUser";

    private static readonly byte[] Request = WebReply.Frame(new CreateServiceInstanceRequest { FriendlyName = "x" }.ToByteArray());

    [Theory]
    [InlineData("authorization,content-type,grpc-timeout,x-grpc-web,x-user-agent", true)]
    [InlineData("x-grpc-web,x-unknown", false)]
    public async Task A_browser_that_asks_first_needs_no_credentials(string headers, bool areAllowed)
    {
        await using var guarded = await GuardedServer.StartAsync(settings => settings with { AllowedOrigins = AllowedOrigins.Read(Page) });

        using var response = await AskAsync(guarded.Server, Page, headers);

        Assert.Equal((HttpStatusCode.NoContent, Page), (response.StatusCode, Value(response, "Access-Control-Allow-Origin")));
        Assert.Contains("POST", Value(response, "Access-Control-Allow-Methods")!, StringComparison.Ordinal);
        var allowed = Value(response, "Access-Control-Allow-Headers")!.Split(',');
        Assert.Equal(areAllowed, headers.Split(',').All(header => allowed.Contains(header, StringComparer.OrdinalIgnoreCase)));
    }

    [Theory]
    [InlineData(Page)]
    [InlineData(null)]
    public async Task A_foreign_page_that_asks_first_is_allowed_nothing(string? allowed)
    {
        await using var server = await StartAsync(allowed);

        using var response = await AskAsync(server, Foreign, "content-type,x-grpc-web");

        Assert.Null(Value(response, "Access-Control-Allow-Origin"));
        Assert.Empty(server.Log.Problems);
    }

    [Theory]
    [InlineData(null, Foreign, false)]
    [InlineData(null, "null", false)]
    [InlineData(Page, Foreign, false)]
    [InlineData(Page, "HTTPS://app.example", true)]
    [InlineData("*", Foreign, true)]
    [InlineData(null, null, true)]
    public async Task A_page_that_is_not_allowed_changes_nothing(string? allowed, string? origin, bool isServed)
    {
        await using var server = await StartAsync(allowed);
        (string, string)[] headers = origin is null ? [] : [("Origin", origin)];

        var binary = await WebReply.ToAsync(server, Create, Request, WebReply.Binary, headers);
        var text = await WebReply.ToAsync(server, Create, WebReply.Encode(Request), WebReply.Text, headers);

        var expected = isServed
            ? (HttpStatusCode.OK, (int)StatusCode.OK)
            : (HttpStatusCode.Forbidden, (int)StatusCode.PermissionDenied);
        Assert.Equal((expected, expected), ((binary.Http, binary.GrpcStatus!.Value), (text.Http, text.GrpcStatus!.Value)));
        var services = await server.Configuration.ListServiceInstancesAsync(new ListServiceInstancesRequest());
        Assert.Equal(isServed ? 2 : 0, services.ServiceInstances.Count);
    }

    [Fact]
    public async Task A_page_without_credentials_can_read_why_it_is_rejected()
    {
        await using var guarded = await GuardedServer.StartAsync(settings => settings with { AllowedOrigins = AllowedOrigins.Read(Page) });

        var reply = await WebReply.ToAsync(guarded.Server, GetUser, WebReply.Frame([]), WebReply.Binary, ("Origin", Page));

        Assert.Equal((int)StatusCode.Unauthenticated, reply.GrpcStatus);
        Assert.Equal(Page, Assert.Single(reply.Headers.GetValues("Access-Control-Allow-Origin")));
        Assert.False(reply.Headers.Contains("Access-Control-Allow-Credentials"));
        var exposed = string.Join(',', reply.Headers.GetValues("Access-Control-Expose-Headers")).Split(',');
        Assert.All(["Grpc-Status", "Grpc-Message", "grpc-status-details-bin"], header =>
        {
            Assert.True(reply.Headers.Contains(header), header);
            Assert.Contains(header, exposed, StringComparer.OrdinalIgnoreCase);
        });
    }

    private static Task<TestServer> StartAsync(string? allowed) =>
        TestServer.StartAsync(settings: new ServerSettings { AllowedOrigins = allowed is null ? null : AllowedOrigins.Read(allowed) });

    private static Task<HttpResponseMessage> AskAsync(TestServer server, string origin, string headers)
    {
        var request = new HttpRequestMessage(HttpMethod.Options, GetUser) { Headers = { { "Origin", origin } } };
        request.Headers.Add("Access-Control-Request-Method", "POST");
        request.Headers.Add("Access-Control-Request-Headers", headers);
        return server.Rest.SendAsync(request, TestRun.Token);
    }

    private static string? Value(HttpResponseMessage response, string name) =>
        response.Headers.TryGetValues(name, out var values) ? Assert.Single(values) : null;
}
