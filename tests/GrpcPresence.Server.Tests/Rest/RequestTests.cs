using System.Net;
using System.Net.Sockets;
using System.Text;
using GrpcPresence.Server.Settings;
using GrpcPresence.Server.Tests.Fixture;
using GrpcPresence.V1;
using Microsoft.Extensions.Time.Testing;

namespace GrpcPresence.Server.Tests.Rest;

/// <summary>Tests what applies to every REST request.</summary>
public sealed class RequestTests
{
    private const string Token = "0123456789abcdef0123456789abcdef";
    private const string Account = "AC0123456789abcdef0123456789abcdef";

    [Fact]
    public async Task Without_authentication_any_credentials_are_taken()
    {
        await using var rest = await RestServer.StartAsync();

        Assert.Equal(HttpStatusCode.OK, (await rest.GetAsync("/v1/Services", GuardedServer.Basic(Account, "anything"))).Status);
        Assert.Equal(HttpStatusCode.OK, (await rest.GetAsync("/v1/Services")).Status);
    }

    [Fact]
    public async Task The_account_opens_everything_and_nobody_else_does()
    {
        await using var rest = await RestServer.StartAsync(new ServerSettings { AccountSid = Account, AuthToken = Token });

        Assert.Equal(HttpStatusCode.OK, (await rest.GetAsync("/v1/Services", GuardedServer.Basic(Account, Token))).Status);
        var refused = (await rest.GetAsync("/v1/Services")).Fails(HttpStatusCode.Unauthorized, 20003);
        Assert.Equal("Basic", Assert.Single(refused.Headers.WwwAuthenticate).Scheme);
        (await rest.GetAsync("/v1/Services", GuardedServer.Basic(Account, Token + "0"))).Fails(HttpStatusCode.Unauthorized, 20003);
        (await rest.GetAsync("/v1/Services", GuardedServer.Basic("AC" + new string('0', 32), Token)))
            .Fails(HttpStatusCode.Unauthorized, 20003);
        // A caller with invalid credentials learns nothing, not even what is wrong with the request.
        (await rest.SendAsync(HttpMethod.Post, "/v1/Services", RestServer.Json("{}"))).Fails(HttpStatusCode.Unauthorized, 20003);
        var call = await CallError.Of(
            () => rest.Server.Configuration.ListServiceInstancesAsync(new ListServiceInstancesRequest()).ResponseAsync);
        Assert.Equal("CREDENTIALS_REQUIRED", call.Reason);
    }

    [Fact]
    public async Task A_password_that_is_not_UTF_8_is_not_repaired_into_another_one()
    {
        await using var rest = await RestServer.StartAsync(new ServerSettings { AccountSid = Account, AuthToken = Token + "\ufffd" });
        byte[] damaged = [.. Encoding.ASCII.GetBytes($"{Account}:{Token}"), 0xfc];

        Assert.Equal(HttpStatusCode.OK, (await rest.GetAsync("/v1/Services", GuardedServer.Basic(Account, Token + "\ufffd"))).Status);
        (await rest.GetAsync("/v1/Services", "Basic " + Convert.ToBase64String(damaged))).Fails(HttpStatusCode.Unauthorized, 20003);
    }

    [Fact]
    public async Task API_keys_may_over_REST_what_they_may_over_gRPC()
    {
        await using var guarded = await GuardedServer.StartAsync();
        var rest = RestServer.Of(guarded.Server);
        var reader = GuardedServer.Basic(await guarded.NewKeyAsync(ApiKeyRole.Read, guarded.Own));

        Assert.Equal(HttpStatusCode.OK, (await rest.GetAsync($"/v1/Services/{guarded.Own}/Users", reader)).Status);
        (await rest.GetAsync($"/v1/Services/{guarded.Foreign}/Users", reader)).Fails(HttpStatusCode.NotFound, 20404);
        (await rest.PostAsync($"/v1/Services/{guarded.Own}/Users", reader, ("Identity", "ada"))).Fails(HttpStatusCode.Forbidden, 20403);
        (await rest.GetAsync("/v1/Services", reader)).Fails(HttpStatusCode.Forbidden, 20403);
        Assert.Equal(HttpStatusCode.OK, (await rest.GetAsync("/v1/Services", guarded.Admin)).Status);
    }

    [Fact]
    public async Task An_access_token_is_its_user_and_its_end_has_a_code()
    {
        await using var guarded = await GuardedServer.StartAsync();
        var rest = RestServer.Of(guarded.Server);
        var issuer = await guarded.NewKeyAsync(ApiKeyRole.Service, guarded.Own);
        var backEnd = guarded.UsersAs(guarded.Admin);
        await backEnd.CreateUserAsync(new CreateUserRequest { ServiceSid = guarded.Own, Identity = "ada" });
        await backEnd.CreateUserAsync(new CreateUserRequest { ServiceSid = guarded.Own, Identity = "grace" });
        var ada = guarded.Bearer(issuer, "ada");
        var users = $"/v1/Services/{guarded.Own}/Users";

        Assert.Equal("Countess", (await rest.PostAsync(users + "/ada", ada, ("FriendlyName", "Countess"))).Text("friendly_name"));
        (await rest.PostAsync(users + "/grace", ada, ("FriendlyName", "Countess"))).Fails(HttpStatusCode.Forbidden, 20403);
        guarded.Time.Advance(TimeSpan.FromHours(1));
        (await rest.GetAsync(users, ada)).Fails(HttpStatusCode.Unauthorized, 20104);
    }

    [Fact]
    public async Task A_token_for_another_account_is_rejected_if_the_settings_name_an_account()
    {
        await using var guarded = await GuardedServer.StartAsync(settings => settings with { AccountSid = Account });
        var rest = RestServer.Of(guarded.Server);
        var issuer = await guarded.NewKeyAsync(ApiKeyRole.Service, guarded.Own);
        var token = AccessToken.For(issuer, "ada", guarded.Own, guarded.Time.GetUtcNow(), TimeSpan.FromHours(1));

        token.Claims["sub"] = Account;
        var users = $"/v1/Services/{guarded.Own}/Users";
        Assert.Equal(HttpStatusCode.OK, (await rest.GetAsync(users, "Bearer " + token.Sign(issuer.Secret))).Status);
        token.Claims["sub"] = "AC" + new string('0', 32);
        (await rest.GetAsync(users, "Bearer " + token.Sign(issuer.Secret))).Fails(HttpStatusCode.Unauthorized, 20103);
    }

    [Fact]
    public async Task A_body_that_is_not_a_form_is_rejected_with_the_product_s_error()
    {
        await using var rest = await RestServer.StartAsync();

        (await rest.SendAsync(HttpMethod.Post, "/v1/Services", RestServer.Json("{}"))).Fails(HttpStatusCode.UnsupportedMediaType, 20415);
        using var text = new StringContent("FriendlyName=x", Encoding.UTF8, "text/plain");
        (await rest.SendAsync(HttpMethod.Post, "/v1/Services", text)).Fails(HttpStatusCode.UnsupportedMediaType, 20415);
        using var large = new FormUrlEncodedContent([KeyValuePair.Create("FriendlyName", new string('x', 70_000))]);
        (await rest.SendAsync(HttpMethod.Post, "/v1/Services", large)).Fails(HttpStatusCode.RequestEntityTooLarge, 20001);
        var many = Enumerable.Range(0, 300).Select(i => KeyValuePair.Create($"n{i}", "x"));
        using var values = new FormUrlEncodedContent(many);
        (await rest.SendAsync(HttpMethod.Post, "/v1/Services", values)).Fails(HttpStatusCode.BadRequest, 20001);
    }

    [Theory]
    [InlineData("gzip")]
    [InlineData("GZIP")]
    [InlineData("identity, deflate")]
    [InlineData("br")]
    public async Task A_form_that_is_compressed_is_rejected_and_not_read_as_another_form(string encoding)
    {
        await using var rest = await RestServer.StartAsync();
        using var form = new ByteArrayContent("FriendlyName=x"u8.ToArray());
        form.Headers.TryAddWithoutValidation("Content-Type", "application/x-www-form-urlencoded");
        form.Headers.TryAddWithoutValidation("Content-Encoding", encoding);

        (await rest.SendAsync(HttpMethod.Post, "/v1/Services", form)).Fails(HttpStatusCode.UnsupportedMediaType, 20415);

        Assert.Empty(rest.Server.Log.Problems);
    }

    [Theory]
    [InlineData("Content-Length: 0\r\n", "")]
    [InlineData("Content-Length: 0\r\nContent-Type: application/json\r\n", "")]
    [InlineData("Transfer-Encoding: chunked\r\nContent-Type:\r\n", "0\r\n\r\n")]
    [InlineData("Transfer-Encoding: chunked\r\n", "0\r\n\r\n")]
    [InlineData("Transfer-Encoding: chunked\r\nContent-Type: text/plain\r\nContent-Encoding: gzip\r\n", "0\r\n\r\n")]
    public async Task An_update_with_an_empty_body_of_any_type_changes_nothing(string headers, string body)
    {
        await using var rest = await RestServer.StartAsync();
        var path = await rest.CreateServiceAsync();

        Assert.Equal("HTTP/1.1 200 OK", await AskAsync(
            rest, $"POST {path}/Configuration HTTP/1.1\r\nHost: localhost\r\n{headers}\r\n{body}"));

        Assert.Empty(rest.Server.Log.Problems);
    }

    [Fact]
    public async Task A_transfer_encoding_that_the_server_does_not_remove_is_rejected()
    {
        await using var rest = await RestServer.StartAsync();

        var status = await AskAsync(
            rest,
            "POST /v1/Services HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: gzip, chunked\r\n"
                + "Content-Type: application/x-www-form-urlencoded\r\n\r\nE\r\nFriendlyName=x\r\n0\r\n\r\n");

        Assert.Equal("HTTP/1.1 501 Not Implemented", status);
    }

    [Theory]
    [InlineData("/v1/Services")]
    [InlineData("{service}")]
    [InlineData("{service}/Configuration")]
    [InlineData("{service}/Configuration/Webhooks")]
    [InlineData("{service}/Configuration/Notifications")]
    [InlineData("{service}/Users")]
    [InlineData("{service}/Users/ada")]
    [InlineData("{service}/Users/nobody")]
    [InlineData("{service}/UserUpdates")]
    [InlineData("{service}/Users/Updates")]
    [InlineData("{service}/Bindings")]
    [InlineData("/openapi/v1.json")]
    [InlineData("/metrics")]
    [InlineData("/nothing")]
    public async Task HEAD_has_the_status_and_headers_of_GET_and_no_body(string path)
    {
        await using var rest = await RestServer.StartAsync();
        var service = await rest.CreateServiceAsync();
        await rest.PostAsync(service + "/Users", ("Identity", "ada"));
        path = path.Replace("{service}", service, StringComparison.Ordinal);
        using var http2 = new HttpClient
        {
            BaseAddress = rest.Server.Address,
            DefaultRequestVersion = HttpVersion.Version20,
            DefaultVersionPolicy = HttpVersionPolicy.RequestVersionExact,
        };

        foreach (var client in new[] { rest.Server.Rest, http2 })
        {
            using var get = await SendAsync(client, HttpMethod.Get, path);
            using var head = await SendAsync(client, HttpMethod.Head, path);

            Assert.Equal(get.StatusCode, head.StatusCode);
            Assert.Equal(get.Content.Headers.ContentType, head.Content.Headers.ContentType);
            Assert.Equal(get.Headers.CacheControl, head.Headers.CacheControl);
            Assert.Empty(await head.Content.ReadAsByteArrayAsync(TestRun.Token));
        }
        Assert.Empty(rest.Server.Log.Problems);
    }

    [Theory]
    [InlineData("/")]
    [InlineData("/v1")]
    [InlineData("/v1/Roles")]
    [InlineData("/v1/Services/IS0123456789abcdef0123456789abcdef/Roles")]
    [InlineData("/v2/Services")]
    [InlineData("/nothing/else")]
    [InlineData("/a/b/c/d")]
    [InlineData("/presence.v1.UserService/Nothing")]
    public async Task Every_path_that_is_not_there_has_the_product_s_error(string path)
    {
        await using var rest = await RestServer.StartAsync();

        foreach (var method in new[] { HttpMethod.Get, HttpMethod.Post, HttpMethod.Put, HttpMethod.Delete })
            (await rest.SendAsync(method, path, content: null)).Fails(HttpStatusCode.NotFound, 20404);

        (await rest.SendAsync(HttpMethod.Post, "/presence.v1.UserService/GetUser", RestServer.Json("{}")))
            .Fails(HttpStatusCode.UnsupportedMediaType, 20415);
    }

    [Theory]
    [InlineData("utf-7", HttpStatusCode.UnsupportedMediaType)]
    [InlineData("utf-16", HttpStatusCode.UnsupportedMediaType)]
    [InlineData("nonsense", HttpStatusCode.UnsupportedMediaType)]
    [InlineData("UTF-8", HttpStatusCode.Created)]
    [InlineData("\"utf-8\"", HttpStatusCode.Created)]
    public async Task A_form_is_of_UTF_8(string charset, HttpStatusCode status)
    {
        await using var rest = await RestServer.StartAsync();
        using var form = new ByteArrayContent("FriendlyName=%C3%A9"u8.ToArray());
        form.Headers.TryAddWithoutValidation("Content-Type", "application/x-www-form-urlencoded; charset=" + charset);

        var reply = await rest.SendAsync(HttpMethod.Post, "/v1/Services", form);

        if (status == HttpStatusCode.Created)
            Assert.Equal("\u00e9", reply.Text("friendly_name"));
        else
            reply.Fails(status, 20415);
    }

    [Theory]
    [InlineData("GET", "/v1/Nothing", HttpStatusCode.NotFound, 20404)]
    [InlineData("GET", "/v1/Services/IS0/Users", HttpStatusCode.NotFound, 20404)]
    [InlineData("GET", "/v1/Services/IS0123456789abcdef0123456789abcdef", HttpStatusCode.NotFound, 20404)]
    [InlineData("GET", "/V1/services/IS0123456789abcdef0123456789abcdef/users/ada", HttpStatusCode.NotFound, 20404)]
    [InlineData("GET", "/openapi/v2.json", HttpStatusCode.NotFound, 20404)]
    [InlineData("PUT", "/v1/Services", HttpStatusCode.MethodNotAllowed, 20004)]
    [InlineData("DELETE", "/v1/Services", HttpStatusCode.MethodNotAllowed, 20004)]
    [InlineData("PATCH", "/v1/Services/IS0/Configuration", HttpStatusCode.MethodNotAllowed, 20004)]
    public async Task A_missing_resource_is_reported_as_Twilio_reports_it(string method, string path, HttpStatusCode status, int code)
    {
        await using var rest = await RestServer.StartAsync();

        (await rest.SendAsync(new HttpMethod(method), path, content: null)).Fails(status, code);
    }

    /// <summary>Sends the request as it is, and returns the first line of the response.</summary>
    private static async Task<string?> AskAsync(RestServer rest, string request)
    {
        using var socket = new TcpClient();
        await socket.ConnectAsync(rest.Server.RestAddress.Host, rest.Server.RestAddress.Port, TestRun.Token);
        await using var stream = socket.GetStream();
        await stream.WriteAsync(Encoding.ASCII.GetBytes(request), TestRun.Token);
        using var reader = new StreamReader(stream);
        return await reader.ReadLineAsync(TestRun.Token);
    }

    private static async Task<HttpResponseMessage> SendAsync(HttpClient client, HttpMethod method, string path)
    {
        using var request = new HttpRequestMessage(method, path)
        {
            Version = client.DefaultRequestVersion,
            VersionPolicy = client.DefaultVersionPolicy,
        };
        return await client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, TestRun.Token);
    }

    [Fact]
    public async Task A_failing_store_is_reported_with_a_time_to_wait()
    {
        await using var rest = await RestServer.StartAsync();
        rest.Server.Store.Faults.FailReads(fail: true);

        var refused = (await rest.GetAsync("/v1/Services")).Fails(HttpStatusCode.ServiceUnavailable, 20503);

        Assert.Equal(TimeSpan.FromSeconds(1), refused.Headers.RetryAfter?.Delta);
        Assert.Equal("STORAGE_UNAVAILABLE", refused.Text("details", "reason"));
    }

    [Fact]
    public async Task A_quota_holds_over_REST_too()
    {
        var quotas = new QuotaSettings
        {
            ServiceInstance = new()
            {
                WritesPerSecond = 1,
                Users = 10,
                OpenStreams = 1,
                WatchedUsers = 1,
                HeartbeatsPerSecond = 1,
                NewStreamsPerSecond = 1,
                RowsReadPerSecond = 100,
                ConcurrentReads = 100,
            },
        };
        await using var rest = RestServer.Of(
            await TestServer.StartAsync(time: new FakeTimeProvider(), settings: new ServerSettings { Quotas = quotas }));
        var sid = await rest.Server.CreateServiceAsync();

        var replies = new List<RestReply>();
        for (var i = 0; i < 12; i++)
            replies.Add(await rest.PostAsync($"/v1/Services/{sid}/Configuration", ("ReachabilityEnabled", i % 2 == 0 ? "true" : "false")));

        var refused = replies[^1].Fails(HttpStatusCode.TooManyRequests, 20429);
        Assert.NotNull(refused.Headers.RetryAfter);
    }
}
