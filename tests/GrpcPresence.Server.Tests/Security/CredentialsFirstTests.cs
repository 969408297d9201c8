using System.Net;
using System.Net.Http.Headers;
using Grpc.Core;
using GrpcPresence.Server.Tests.Fixture;
using GrpcPresence.V1;

namespace GrpcPresence.Server.Tests.Security;

/// <summary>
/// Tests that the server checks credentials from the headers. A caller without valid credentials cannot make it read, buffer or inflate a
/// body.
/// </summary>
public sealed class CredentialsFirstTests : IAsyncLifetime
{
    private const string Users = "/presence.v1.UserService/";

    private GuardedServer _guarded = null!;

    public static TheoryData<WatchTransport, string?, string> InvalidCredentials
    {
        get
        {
            var data = new TheoryData<WatchTransport, string?, string>();
            foreach (var transport in new[] { WatchTransport.Grpc, WatchTransport.GrpcWeb, WatchTransport.GrpcWebText })
            {
                data.Add(transport, null, "CREDENTIALS_REQUIRED");
                data.Add(transport, "Nonsense", "CREDENTIALS_INVALID");
                data.Add(transport, GuardedServer.Basic("SK" + new string('e', 32), "wrong"), "CREDENTIALS_INVALID");
                data.Add(transport, "Bearer a.b.c", "ACCESS_TOKEN_MALFORMED");
            }
            return data;
        }
    }

    // Each call gets its own instance, because the interceptor adds the credentials to this metadata.
    private static Metadata Compressed => new() { { "grpc-internal-encoding-request", "gzip" } };

    private string RestUsers => $"/v1/Services/{_guarded.Own}/Users";

    public async ValueTask InitializeAsync() => _guarded = await GuardedServer.StartAsync();

    public ValueTask DisposeAsync() => _guarded.DisposeAsync();

    [Theory]
    [MemberData(nameof(InvalidCredentials))]
    public async Task Isolation_The_body_of_a_call_without_valid_credentials_is_neither_read_nor_inflated(
        WatchTransport transport, string? credentials, string reason)
    {
        var users = _guarded.UsersAs(credentials, transport);

        var unary = await CallError.Of(users.CreateUserAsync(NewUser(), Compressed));
        Assert.Equal((StatusCode.Unauthenticated, reason), (unary.Code, unary.Reason));
        Assert.False(await _guarded.Server.Reads.IsReadBy(Users + "CreateUser"));

        using var watch = users.WatchUsers(new WatchUsersRequest { ServiceSid = _guarded.Own }, Compressed);
        var stream = await CallError.Of(() => watch.ResponseStream.MoveNext(TestRun.Token));
        Assert.Equal((StatusCode.Unauthenticated, reason), (stream.Code, stream.Reason));
        Assert.False(await _guarded.Server.Reads.IsReadBy(Users + "WatchUsers"));
        Assert.All(_guarded.Server.Log.Problems, entry => Assert.StartsWith("Authentication failed", entry.Text, StringComparison.Ordinal));
    }

    [Fact]
    public async Task Isolation_No_message_of_a_stream_without_valid_credentials_is_read()
    {
        using var stream = _guarded.UsersAs("Nonsense").StreamHeartbeats();

        var error = await CallError.Of(() => stream.ResponseStream.MoveNext(TestRun.Token));

        Assert.Equal((StatusCode.Unauthenticated, "CREDENTIALS_INVALID"), (error.Code, error.Reason));
        Assert.False(await _guarded.Server.Reads.IsReadBy(Users + "StreamHeartbeats"));
    }

    [Theory]
    [InlineData(WatchTransport.Grpc)]
    [InlineData(WatchTransport.GrpcWeb)]
    [InlineData(WatchTransport.GrpcWebText)]
    public async Task Isolation_The_body_of_a_call_with_valid_credentials_is_read_and_inflated(WatchTransport transport)
    {
        var created = await _guarded.UsersAs(_guarded.Admin, transport).CreateUserAsync(NewUser(), Compressed);

        Assert.Equal("ada", created.User.Identity);
        Assert.True(await _guarded.Server.Reads.IsReadBy(Users + "CreateUser"));
    }

    [Fact]
    public async Task Isolation_A_public_method_needs_no_credentials()
    {
        var health = new global::Grpc.Health.V1.Health.HealthClient(_guarded.As("Nonsense"));

        await health.CheckAsync(new global::Grpc.Health.V1.HealthCheckRequest());

        Assert.True(await _guarded.Server.Reads.IsReadBy("/grpc.health.v1.Health/Check"));
    }

    [Fact]
    public async Task Isolation_Credentials_are_checked_before_the_message()
    {
        var invoker = _guarded.As(authorization: null);

        var error = await CallError.Of(RawMethod.CallAsync(invoker, "presence.v1.UserService", "GetUser", [0xff, 0xff, 0xff, 0xff]));

        Assert.Equal((StatusCode.Unauthenticated, "CREDENTIALS_REQUIRED"), (error.Code, error.Reason));
    }

    [Theory]
    [InlineData(null)]
    [InlineData("Nonsense")]
    [InlineData("Bearer a.b.c")]
    public async Task Isolation_The_form_of_a_REST_request_without_valid_credentials_is_not_read(string? credentials)
    {
        using var response = await PostUserAsync(credentials);

        Assert.Equal(HttpStatusCode.Unauthorized, response.StatusCode);
        Assert.False(await _guarded.Server.Reads.IsReadBy(RestUsers));
    }

    [Fact]
    public async Task Isolation_The_form_of_a_REST_request_with_valid_credentials_is_read()
    {
        using var response = await PostUserAsync(_guarded.Admin);

        Assert.Equal(HttpStatusCode.Created, response.StatusCode);
        Assert.True(await _guarded.Server.Reads.IsReadBy(RestUsers));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Keys_A_key_that_is_revoked_before_the_body_arrives_is_rejected(bool signsToken)
    {
        var users = _guarded.UsersAs(_guarded.Admin);
        await users.CreateUserAsync(new CreateUserRequest { ServiceSid = _guarded.Own, Identity = "ada" });
        var key = await _guarded.NewKeyAsync(ApiKeyRole.Admin, _guarded.Own);
        var caller = signsToken ? _guarded.Bearer(key, "ada") : GuardedServer.Basic(key);
        using var form = new HeldContent("FriendlyName=Countess");
        using var request = new HttpRequestMessage(HttpMethod.Post, RestUsers + "/ada") { Content = form };
        request.Headers.Authorization = AuthenticationHeaderValue.Parse(caller);
        var sending = _guarded.Server.Rest.SendAsync(request, TestRun.Token);
        await _guarded.Server.Reads.BeginAsync(RestUsers + "/ada");

        await _guarded.Keys.RevokeApiKeyAsync(new RevokeApiKeyRequest { ApiKeySid = key.ApiKey.Sid });
        form.Release();

        using var response = await sending;
        Assert.Equal(HttpStatusCode.Unauthorized, response.StatusCode);
        var ada = await users.GetUserAsync(new GetUserRequest { ServiceSid = _guarded.Own, UserKey = "ada" });
        Assert.Empty(ada.User.FriendlyName);
    }

    [Fact]
    public async Task Keys_A_key_that_is_revoked_before_a_gRPC_message_arrives_is_rejected()
    {
        const string ListUsers = Users + "ListUsers";
        var key = await _guarded.NewKeyAsync(ApiKeyRole.Read);
        // A prefix of five bytes, and field 1.
        using var message = new HeldContent($"\0\0\0\0\x24\x0a\x22{_guarded.Own}", "application/grpc");
        using var client = new HttpClient { BaseAddress = _guarded.Server.Address };
        using var request = new HttpRequestMessage(HttpMethod.Post, ListUsers)
        {
            Content = message,
            Version = HttpVersion.Version20,
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
        };
        request.Headers.Authorization = AuthenticationHeaderValue.Parse(GuardedServer.Basic(key));
        var sending = client.SendAsync(request, TestRun.Token);
        await _guarded.Server.Reads.BeginAsync(ListUsers);

        await _guarded.Keys.RevokeApiKeyAsync(new RevokeApiKeyRequest { ApiKeySid = key.ApiKey.Sid });
        message.Release();

        using var response = await sending;
        Assert.Equal("16", response.Headers.GetValues("grpc-status").Single());
    }

    [Theory]
    [InlineData("application/json")]
    [InlineData("text/plain")]
    public async Task A_request_that_is_not_a_call_gets_the_status_of_HTTP_with_and_without_credentials(string contentType)
    {
        using var client = new HttpClient { BaseAddress = _guarded.Server.Address };
        foreach (var credentials in new[] { null, _guarded.Admin })
        {
            using var request = new HttpRequestMessage(HttpMethod.Post, Users + "CreateUser")
            {
                Version = HttpVersion.Version20,
                VersionPolicy = HttpVersionPolicy.RequestVersionExact,
                Content = new ByteArrayContent([]) { Headers = { ContentType = new(contentType) } },
            };
            request.Headers.Authorization = credentials is null ? null : AuthenticationHeaderValue.Parse(credentials);
            using var response = await client.SendAsync(request, TestRun.Token);
            Assert.Equal(HttpStatusCode.UnsupportedMediaType, response.StatusCode);
        }
    }

    private CreateUserRequest NewUser() => new() { ServiceSid = _guarded.Own, Identity = "ada" };

    private async Task<HttpResponseMessage> PostUserAsync(string? credentials)
    {
        using var form = new FormUrlEncodedContent([KeyValuePair.Create("Identity", "ada")]);
        using var request = new HttpRequestMessage(HttpMethod.Post, RestUsers) { Content = form };
        request.Headers.Authorization = credentials is null ? null : AuthenticationHeaderValue.Parse(credentials);
        return await _guarded.Server.Rest.SendAsync(request, TestRun.Token);
    }
}
