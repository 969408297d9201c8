using System.Net;
using System.Net.Sockets;
using System.Text;
using Grpc.Core;
using GrpcPresence.Server.Tests.Fixture;
using GrpcPresence.V1;

namespace GrpcPresence.Server.Tests.Rest;

/// <summary>Tests users and push bindings over REST.</summary>
public sealed class UserTests : IAsyncLifetime
{
    private RestServer _rest = null!;
    private string _sid = "";
    private string _users = "";
    private string _bindings = "";

    public async ValueTask InitializeAsync()
    {
        _rest = await RestServer.StartAsync();
        _sid = await _rest.Server.CreateReachableServiceAsync();
        _users = $"/v1/Services/{_sid}/Users";
        _bindings = $"/v1/Services/{_sid}/Bindings";
    }

    public ValueTask DisposeAsync() => _rest.DisposeAsync();

    [Fact]
    public async Task A_user_has_the_product_s_fields()
    {
        var created = await _rest.PostAsync(_users, ("Identity", "ada"), ("FriendlyName", "Ada"), ("Attributes", """{"a":1}"""));

        Assert.Equal(HttpStatusCode.Created, created.Status);
        Assert.Equal(
            [
                "sid", "account_sid", "chat_service_sid", "role_sid", "identity", "friendly_name", "attributes", "is_online",
                "is_notifiable",
                "date_created", "date_updated", "url", "links",
            ],
            created.Names);
        Assert.Equal(("Ada", """{"a":1}"""), (created.Text("friendly_name"), created.Text("attributes")));
        Assert.Equal(_sid, created.Text("chat_service_sid"));
        Assert.Null(created.Flag("is_online"));
        Assert.Equal("{}", (await _rest.PostAsync(_users, ("Identity", "grace"))).Text("attributes"));
    }

    [Fact]
    public async Task Reachability_is_read_from_the_user_and_from_lists_that_ask_for_it()
    {
        await _rest.Server.BeatAsync(_sid, "ada");

        Assert.True((await _rest.GetAsync(_users + "/ada")).Flag("is_online"));
        Assert.Equal("null", (await _rest.GetAsync(_users)).At("users")[0].GetProperty("is_online").GetRawText());
        Assert.True((await _rest.GetAsync(_users + "?View=full")).At("users")[0].GetProperty("is_online").GetBoolean());
        await _rest.Server.EndAsync(_sid, "ada");
        Assert.False((await _rest.GetAsync(_users + "/ada")).Flag("is_online"));
        await _rest.Server.SwitchAsync(_sid, on: false);
        Assert.Null((await _rest.GetAsync(_users + "/ada")).Flag("is_online"));
    }

    [Theory]
    [InlineData("a/b")]
    [InlineData("a%2Fb")]
    [InlineData("50% + ü & 💚?#")]
    [InlineData("a b")]
    public async Task A_user_is_found_by_any_identity_and_by_SID(string identity)
    {
        var sid = (await _rest.PostAsync(_users, ("Identity", identity))).Text("sid");

        Assert.Equal(identity, (await _rest.GetAsync($"{_users}/{Uri.EscapeDataString(identity)}")).Text("identity"));
        Assert.Equal(identity, (await _rest.GetAsync($"{_users}/{sid}")).Text("identity"));
        var renamed = await _rest.PostAsync($"{_users}/{Uri.EscapeDataString(identity)}", ("FriendlyName", "x"));
        Assert.Equal("x", renamed.Text("friendly_name"));
        Assert.Equal(HttpStatusCode.NoContent, (await _rest.DeleteAsync($"{_users}/{Uri.EscapeDataString(identity)}")).Status);
        (await _rest.GetAsync($"{_users}/{sid}")).Fails(HttpStatusCode.NotFound, 20404);
    }

    [Theory]
    [InlineData("..")]
    [InlineData("%2e%2E")]
    [InlineData(".%2e")]
    [InlineData("ada/..")]
    [InlineData(".")]
    [InlineData("./ada")]
    public async Task A_path_with_dots_leads_nowhere_and_so_a_user_of_that_name_takes_no_service_with_it(string part)
    {
        (await _rest.SendAsync(HttpMethod.Delete, _rest.RawUrl($"{_users}/{part}"), content: null)).Fails(HttpStatusCode.NotFound, 20404);

        Assert.Equal(HttpStatusCode.OK, (await _rest.GetAsync(_users)).Status);
    }

    [Theory]
    [InlineData("/V1", "..")]
    [InlineData("/V1", "nobody")]
    [InlineData("http://localhost/v1", "..")]
    [InlineData("http://localhost/v1", "%2e%2e")]
    [InlineData("http://localhost/v1", "..?x")]
    [InlineData("http://localhost/v1", @"ada\..")]
    [InlineData("http://localhost/v1", @"..\#")]
    public async Task All_spellings_of_a_path_lead_to_the_same_route(string root, string part)
    {
        var target = root + _users["/v1".Length..] + "/" + part;

        var answer = await RawAsync($"DELETE {target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        Assert.StartsWith("HTTP/1.1 404 ", answer, StringComparison.Ordinal);

        Assert.Equal(HttpStatusCode.OK, (await _rest.GetAsync(_users)).Status);
    }

    [Fact]
    public async Task A_client_of_a_proxy_reads_a_user_by_any_identity_that_its_path_can_name()
    {
        await _rest.PostAsync(_users, ("Identity", "50%2F"));

        var answer = await RawAsync($"GET http://localhost{_users}/50%252F HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");

        Assert.StartsWith("HTTP/1.1 200 ", answer, StringComparison.Ordinal);
        Assert.Contains("\"identity\":\"50%2F\"", answer, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_update_changes_what_it_names()
    {
        await _rest.PostAsync(_users, ("Identity", "ada"), ("FriendlyName", "Ada"), ("Attributes", """{"a":1}"""));

        var updated = await _rest.PostAsync(_users + "/ada", ("FriendlyName", "Countess"), ("IsOnline", "true"));

        Assert.Equal(HttpStatusCode.OK, updated.Status);
        Assert.Equal(
            ("Countess", """{"a":1}""", null), (updated.Text("friendly_name"), updated.Text("attributes"), updated.Flag("is_online")));
        Assert.Equal("Countess", (await _rest.PostAsync(_users + "/ada")).Text("friendly_name"));
    }

    [Fact]
    public async Task Rejections_have_the_product_s_codes()
    {
        await _rest.PostAsync(_users, ("Identity", "ada"));

        (await _rest.PostAsync(_users, ("Identity", "ada"))).Fails(HttpStatusCode.Conflict, 50201);
        (await _rest.PostAsync(_users, ("Identity", "US0123456789abcdef0123456789abcdef"))).Fails(HttpStatusCode.BadRequest, 50206);
        (await _rest.GetAsync(_users + "/nobody")).Fails(HttpStatusCode.NotFound, 20404);
        (await _rest.PostAsync(_users + "/nobody", ("FriendlyName", "x"))).Fails(HttpStatusCode.NotFound, 20404);
        var refused = await _rest.PostAsync(_users, ("FriendlyName", new string('x', 257)), ("Attributes", "[]"), ("RoleSid", "RL"));
        Assert.Equal(
            [
                ("Identity", "FIELD_REQUIRED"),
                ("FriendlyName", "FIELD_TOO_LONG"),
                ("Attributes", "ATTRIBUTES_INVALID"),
                ("RoleSid", "FIELD_INVALID"),
            ],
            refused.Fails(HttpStatusCode.BadRequest, 50204).Violations);
    }

    [Fact]
    public async Task Names_that_are_missing_or_too_long_have_the_codes_of_the_product_s_dictionary()
    {
        await _rest.PostAsync(_users, ("Identity", "ada"));

        (await _rest.PostAsync("/v1/Services")).Fails(HttpStatusCode.BadRequest, 50000);
        (await _rest.PostAsync("/v1/Services", ("FriendlyName", new string('x', 257)))).Fails(HttpStatusCode.BadRequest, 50003);
        (await _rest.PostAsync(_users + "/ada", ("FriendlyName", new string('x', 257)))).Fails(HttpStatusCode.BadRequest, 50003);
        (await _rest.PostAsync(_users)).Fails(HttpStatusCode.BadRequest, 50204);
        (await _rest.PostAsync(_users, ("Identity", ""))).Fails(HttpStatusCode.BadRequest, 50204);
        (await _rest.PostAsync(_users, ("Identity", new string('x', 257)))).Fails(HttpStatusCode.BadRequest, 50207);
        (await _rest.PostAsync(_users, ("Identity", "bob"), ("Attributes", "[]"))).Fails(HttpStatusCode.BadRequest, 20001);
    }

    [Fact]
    public async Task The_longest_profile_of_the_product_is_stored_and_returned()
    {
        var (identity, name) = (new string('語', 256), string.Concat(Enumerable.Repeat("💚", 256)));
        var attributes = "{\"a\":\"" + new string('é', (16_384 - 8) / 2) + "\"}";

        var created = await _rest.PostAsync(_users, ("Identity", identity), ("FriendlyName", name), ("Attributes", attributes));

        Assert.Equal(HttpStatusCode.Created, created.Status);
        var read = await _rest.GetAsync($"{_users}/{Uri.EscapeDataString(identity)}");
        Assert.Equal((identity, name, attributes), (read.Text("identity"), read.Text("friendly_name"), read.Text("attributes")));
    }

    [Fact]
    public async Task A_page_ends_at_1_MiB_and_the_next_one_follows()
    {
        const int Count = 70; // 1.1 MiB
        var attributes = "{\"a\":\"" + new string('x', 16_384 - 8) + "\"}";
        for (var i = 0; i < Count; i++)
            await _rest.Server.Users.CreateUserAsync(new() { ServiceSid = _sid, Identity = $"user-{i}", Attributes = attributes });

        var first = await PageAsync("");
        var second = await PageAsync(first.NextPageToken);
        var back = await PageAsync(second.PreviousPageToken);

        Assert.InRange(first.CalculateSize(), 1, 1024 * 1024);
        Assert.Equal(
            Enumerable.Range(0, Count).Select(i => $"user-{i}"), first.Users.Concat(second.Users).Select(user => user.Identity));
        Assert.Equal("", second.NextPageToken);
        Assert.Equal(first.Users, back.Users);

        async Task<ListUsersResponse> PageAsync(string token) =>
            await _rest.Server.Users.ListUsersAsync(new ListUsersRequest { ServiceSid = _sid, PageSize = 500, PageToken = token });
    }

    [Fact]
    public async Task A_batch_that_is_larger_than_clients_accept_is_rejected_with_a_reason()
    {
        var attributes = "{\"a\":\"" + new string('x', 16_384 - 8) + "\"}";
        for (var i = 0; i < 195; i++) // 3.05 MiB
            await _rest.Server.Users.CreateUserAsync(new() { ServiceSid = _sid, Identity = $"user-{i}", Attributes = attributes });
        BatchGetUsersRequest Of(int count) =>
            new() { ServiceSid = _sid, UserKeys = { Enumerable.Range(0, count).Select(i => $"user-{i}") } };

        var refused = await CallError.Of(_rest.Server.Users.BatchGetUsersAsync(Of(195)));
        var small = Of(195);
        small.View = UserView.Reachability;

        Assert.Equal((StatusCode.ResourceExhausted, "RESPONSE_TOO_LARGE"), (refused.Code, refused.Reason));
        Assert.Equal(185, (await _rest.Server.Users.BatchGetUsersAsync(Of(185))).Users.Count);
        Assert.Equal(195, (await _rest.Server.Users.BatchGetUsersAsync(small)).Users.Count);
    }

    [Fact]
    public async Task Pages_follow_their_URLs_to_the_end_and_each_user_is_listed_once()
    {
        for (var i = 0; i < 7; i++)
            await _rest.Server.CreateUserAsync(_sid, $"user-{i}");

        var seen = new List<string?>();
        var page = 0;
        for (var url = $"{_users}?PageSize=3&View=full"; url is not null; page++)
        {
            var read = await _rest.GetAsync(url);
            seen.AddRange(read.At("users").EnumerateArray().Select(user => user.GetProperty("identity").GetString()));
            Assert.Equal(
                (page, 3, "users"),
                (read.At("meta", "page").GetInt32(), read.At("meta", "page_size").GetInt32(), read.Text("meta", "key")));
            Assert.Contains("View=full", read.Text("meta", "first_page_url"), StringComparison.Ordinal);
            Assert.Equal(HttpStatusCode.OK, (await _rest.GetAsync(read.Text("meta", "url")!)).Status);
            url = read.Text("meta", "next_page_url");
        }

        Assert.Equal(3, page);
        Assert.Equal(Enumerable.Range(0, 7).Select(i => $"user-{i}"), seen);
    }

    [Theory]
    [InlineData("?PageSize=0", "PageSize", "FIELD_OUT_OF_RANGE")]
    [InlineData("?PageSize=-9999999999999999999999", "PageSize", "FIELD_OUT_OF_RANGE")]
    [InlineData("?PageSize=many", "PageSize", "FIELD_INVALID")]
    [InlineData("?PageSize=1.5", "PageSize", "FIELD_INVALID")]
    [InlineData("?PageSize=0x10", "PageSize", "FIELD_INVALID")]
    [InlineData("?PageSize=NaN", "PageSize", "FIELD_INVALID")]
    [InlineData("?Page=-1", "Page", "FIELD_OUT_OF_RANGE")]
    [InlineData("?Page=one", "Page", "FIELD_INVALID")]
    [InlineData("?PageToken=x", "PageToken", "PAGE_TOKEN_INVALID")]
    public async Task An_invalid_page_is_rejected_with_the_reason_of_its_parameter(string query, string parameter, string reason)
    {
        var refused = (await _rest.GetAsync(_users + query)).Fails(HttpStatusCode.BadRequest, 20001);

        Assert.Equal((parameter, reason), Assert.Single(refused.Violations));
    }

    [Fact]
    public async Task A_page_size_beyond_the_maximum_is_lowered_however_large_it_is()
    {
        var list = await _rest.GetAsync(_users + "?PageSize=99999999999999999999");

        Assert.Equal((HttpStatusCode.OK, 50), (list.Status, list.At("meta", "page_size").GetInt32()));
    }

    [Fact]
    public async Task A_page_number_without_a_token_is_rejected_in_the_product_s_words()
    {
        var refused = (await _rest.GetAsync(_users + "?Page=1")).Fails(HttpStatusCode.BadRequest, 20001);

        Assert.Equal("PageToken is required for paging.", refused.Text("message"));
        Assert.Equal(HttpStatusCode.OK, (await _rest.GetAsync(_users + "?Page=0")).Status);
    }

    [Fact]
    public async Task Pages_are_read_backwards_as_they_were_read_forwards()
    {
        for (var i = 0; i < 8; i++)
            await _rest.Server.CreateUserAsync(_sid, $"user-{i}");
        var forwards = new List<RestReply> { await _rest.GetAsync(_users + "?PageSize=3&View=full") };
        while (forwards[^1].Text("meta", "next_page_url") is { } next)
            forwards.Add(await _rest.GetAsync(next));

        var backwards = new List<RestReply> { forwards[^1] };
        while (backwards[^1].Text("meta", "previous_page_url") is { } previous)
            backwards.Add(await _rest.GetAsync(previous));
        backwards.Reverse();

        Assert.Equal(forwards.Select(IdentitiesOf), backwards.Select(IdentitiesOf));
        Assert.Equal([0, 1, 2], backwards.Select(page => page.At("meta", "page").GetInt32()));
        Assert.Equal(IdentitiesOf(forwards[1]), IdentitiesOf(await _rest.GetAsync(backwards[0].Text("meta", "next_page_url")!)));
        Assert.Contains("View=full", backwards[1].Text("meta", "previous_page_url"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Pages_in_both_directions_neither_repeat_nor_omit_a_user_while_others_come_and_go()
    {
        for (var i = 0; i < 9; i++)
            await _rest.Server.CreateUserAsync(_sid, $"user-{i}");
        var first = await _rest.GetAsync(_users + "?PageSize=3");
        var second = await _rest.GetAsync(first.Text("meta", "next_page_url")!);
        foreach (var gone in new[] { 2, 3, 5, 8 })
            await _rest.DeleteAsync($"{_users}/user-{gone}");
        await _rest.Server.CreateUserAsync(_sid, "user-9");

        Assert.Equal(["user-0", "user-1"], IdentitiesOf(await _rest.GetAsync(second.Text("meta", "previous_page_url")!)));
        var third = await _rest.GetAsync(second.Text("meta", "next_page_url")!);
        Assert.Equal(["user-6", "user-7", "user-9"], IdentitiesOf(third));
        Assert.Equal(["user-0", "user-1", "user-4"], IdentitiesOf(await _rest.GetAsync(third.Text("meta", "previous_page_url")!)));
        foreach (var user in new[] { 0, 1, 4, 6, 7, 9 })
            await _rest.DeleteAsync($"{_users}/user-{user}");
        var empty = await _rest.GetAsync(third.Text("meta", "previous_page_url")!);
        Assert.Empty(IdentitiesOf(empty));
        Assert.Null(empty.Text("meta", "previous_page_url"));
    }

    [Fact]
    public async Task Service_instances_and_push_bindings_are_read_backwards_too()
    {
        foreach (var user in new[] { "ada", "bob", "cay" })
        {
            await _rest.Server.CreateUserAsync(_sid, user);
            await BindAsync(user, BindingType.Apn, $"{user}-1");
            await BindAsync(user, BindingType.Fcm, $"{user}-2");
            await _rest.CreateServiceAsync();
        }

        foreach (var list in new[]
        {
            _bindings + "?PageSize=1", _bindings + "?PageSize=1&Identity=ada&Identity=cay",
            _bindings + "?PageSize=1&BindingType=apn&BindingType=fcm", "/v1/Services?PageSize=1",
        })
        {
            var key = list.StartsWith(_bindings, StringComparison.Ordinal) ? "bindings" : "services";
            string SidOf(RestReply page) => page.At(key)[0].GetProperty("sid").GetString()!;
            var first = await _rest.GetAsync(list);
            var second = await _rest.GetAsync(first.Text("meta", "next_page_url")!);
            var third = await _rest.GetAsync(second.Text("meta", "next_page_url")!);
            var secondAgain = await _rest.GetAsync(third.Text("meta", "previous_page_url")!);
            var firstAgain = await _rest.GetAsync(secondAgain.Text("meta", "previous_page_url")!);

            Assert.Equal((SidOf(second), SidOf(first)), (SidOf(secondAgain), SidOf(firstAgain)));
            Assert.Null(firstAgain.Text("meta", "previous_page_url"));
            Assert.Null(first.Text("meta", "previous_page_url"));
            Assert.NotEqual(SidOf(first), SidOf(second));
        }
    }

    [Fact]
    public async Task A_page_is_at_most_as_large_as_the_product_s()
    {
        var read = await _rest.GetAsync(_users + "?PageSize=1000");

        Assert.Equal(50, read.At("meta", "page_size").GetInt32());
        Assert.Equal("null", read.At("meta", "next_page_url").GetRawText());
    }

    [Fact]
    public async Task Push_bindings_are_listed_by_kind_and_user_read_and_deleted()
    {
        await _rest.Server.CreateUserAsync(_sid, "ada");
        await _rest.Server.CreateUserAsync(_sid, "grace");
        var sid = await BindAsync("ada", BindingType.Apn, "1");
        await BindAsync("ada", BindingType.Fcm, "2");
        await BindAsync("grace", BindingType.Gcm, "3");

        var read = await _rest.GetAsync($"{_bindings}/{sid}");
        Assert.Equal(
            [
                "sid", "account_sid", "chat_service_sid", "credential_sid", "date_created", "date_updated", "endpoint", "identity",
                "binding_type",
                "message_types", "url",
            ],
            read.Names);
        Assert.Equal(("ada", "apn", "1"), (read.Text("identity"), read.Text("binding_type"), read.Text("endpoint")));

        Assert.Equal(["1", "2", "3"], await ListAsync(""));
        Assert.Equal(["1", "3"], await ListAsync("?BindingType=apn&BindingType=gcm"));
        Assert.Equal(["3"], await ListAsync("?Identity=grace&Identity=nobody"));
        Assert.Equal(["2"], await ListAsync("?Identity=ada&BindingType=fcm"));
        Assert.Equal(["1"], await ListAsync("?BindingType=twilsock&BindingType=apn"));
        Assert.Empty(await ListAsync("?BindingType=twilsock"));
        Assert.Empty(await ListAsync("?BindingType=TwilSock&PageSize=1"));
        (await _rest.GetAsync(_bindings + "?BindingType=pigeon")).Fails(HttpStatusCode.BadRequest, 20001);
        (await _rest.GetAsync(_bindings + "?BindingType=twilsock&PageToken=x")).Fails(HttpStatusCode.BadRequest, 20001);

        Assert.Equal(HttpStatusCode.NoContent, (await _rest.DeleteAsync($"{_bindings}/{sid}")).Status);
        (await _rest.GetAsync($"{_bindings}/{sid}")).Fails(HttpStatusCode.NotFound, 20404);
    }

    private static IEnumerable<string?> IdentitiesOf(RestReply page) =>
        [.. page.At("users").EnumerateArray().Select(user => user.GetProperty("identity").GetString())];

    private async Task<string> BindAsync(string user, BindingType type, string endpoint)
    {
        var set = await _rest.Server.Users.SetPushBindingAsync(
            new SetPushBindingRequest { ServiceSid = _sid, UserKey = user, BindingType = type, Endpoint = endpoint });
        return set.PushBinding.Sid;
    }

    private async Task<IEnumerable<string?>> ListAsync(string query) =>
        (await _rest.GetAsync(_bindings + query)).At("bindings").EnumerateArray()
            .Select(binding => binding.GetProperty("endpoint").GetString());

    /// <summary>Returns the server's answer to these bytes.</summary>
    private async Task<string> RawAsync(string request)
    {
        using var client = new TcpClient();
        var address = _rest.Server.RestAddress;
        await client.ConnectAsync(address.Host, address.Port, TestRun.Token);
        var stream = client.GetStream();
        await stream.WriteAsync(Encoding.ASCII.GetBytes(request), TestRun.Token);
        using var reader = new StreamReader(stream);
        return await reader.ReadToEndAsync(TestRun.Token);
    }
}
