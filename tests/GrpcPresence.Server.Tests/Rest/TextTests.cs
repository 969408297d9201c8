using System.Net;
using System.Net.Http.Headers;
using System.Text;
using Google.Protobuf;
using Grpc.Core;
using GrpcPresence.Server.Tests.Fixture;
using GrpcPresence.Server.Tests.Hostile;
using GrpcPresence.V1;

namespace GrpcPresence.Server.Tests.Rest;

/// <summary>
/// Tests the texts that enter over REST and gRPC: the same bytes are the same text on both roads, or an error on both. A text is never
/// repaired, because two different names would then become equal.
/// </summary>
public sealed class TextTests : IAsyncLifetime
{
    private const char Replacement = '\ufffd';

    private static readonly UTF8Encoding Strict = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    private RestServer _rest = null!;
    private string _sid = "";
    private string _users = "";

    public async ValueTask InitializeAsync()
    {
        _rest = await RestServer.StartAsync();
        _sid = await _rest.Server.CreateServiceAsync();
        _users = $"/v1/Services/{_sid}/Users";
    }

    public ValueTask DisposeAsync() => _rest.DisposeAsync();

    public static TheoryData<string> NotUtf8 =>
    [
        "4EFC72", // Latin-1
        "FF", "80", // bytes that begin no character
        "C080", "C1BF", "E080AF", "F08080AF", // overlong forms
        "EDA080", "EDBFBF", "EDA080EDB080", // surrogates, and a pair of them
        "F4908080", "F8888080", // beyond U+10FFFF
        "C3", "E282", "F09F98", // cut characters
    ];

    [Theory]
    [MemberData(nameof(NotUtf8))]
    public async Task A_text_that_is_not_UTF_8_is_rejected_wherever_it_stands(string hex)
    {
        var bytes = Convert.FromHexString(hex);
        var escaped = string.Concat(bytes.Select(value => $"%{value:X2}"));
        await _rest.PostAsync(_users, ("Identity", "ada"));

        (await PostAsync(_users, [.. "Identity="u8, .. bytes])).Fails(HttpStatusCode.BadRequest, 20001);
        (await PostAsync(_users, [.. "Identity=x&"u8, .. bytes, .. "=1"u8])).Fails(HttpStatusCode.BadRequest, 20001);
        (await PostAsync(_users, Encoding.ASCII.GetBytes($"Identity={escaped}"))).Fails(HttpStatusCode.BadRequest, 20001);
        (await PostAsync(_users + "/ada", Encoding.ASCII.GetBytes($"FriendlyName={escaped}"))).Fails(HttpStatusCode.BadRequest, 20001);
        foreach (var method in new[] { HttpMethod.Get, HttpMethod.Post, HttpMethod.Delete })
        {
            (await _rest.SendAsync(method, _rest.RawUrl($"{_users}/{escaped}"), content: null)).Fails(HttpStatusCode.BadRequest, 20001);
        }
        (await _rest.SendAsync(HttpMethod.Get, _rest.RawUrl($"/v1/Services/{_sid}/Bindings?Identity={escaped}"), content: null))
            .Fails(HttpStatusCode.BadRequest, 20001);
        (await _rest.SendAsync(HttpMethod.Get, _rest.RawUrl($"/v1/Services/{_sid}/UserUpdates?Identity={escaped}"), content: null))
            .Fails(HttpStatusCode.BadRequest, 20001);
        (await _rest.SendAsync(HttpMethod.Get, _rest.RawUrl($"{_users}?{escaped}=1"), content: null))
            .Fails(HttpStatusCode.BadRequest, 20001);

        Assert.Equal(["ada"], (await _rest.Server.Users.ListUsersAsync(new() { ServiceSid = _sid })).Users.Select(user => user.Identity));
        Assert.Empty(_rest.Server.Log.Problems);
    }

    [Fact]
    public async Task A_header_that_is_not_UTF_8_is_rejected()
    {
        using var socket = new System.Net.Sockets.TcpClient();
        await socket.ConnectAsync(_rest.Server.RestAddress.Host, _rest.Server.RestAddress.Port, TestRun.Token);
        await using var stream = socket.GetStream();
        byte[] request =
        [
            .. Encoding.ASCII.GetBytes($"GET /v1/Services/{_sid}/UserUpdates HTTP/1.1\r\nHost: localhost\r\nLast-Event-ID: "),
            0xfc, .. "\r\n\r\n"u8,
        ];

        await stream.WriteAsync(request, TestRun.Token);
        using var reader = new StreamReader(stream);

        Assert.Equal("HTTP/1.1 400 Bad Request", await reader.ReadLineAsync(TestRun.Token));
    }

    /// <summary>Sends random bytes, mostly nearly UTF-8, on all roads. Prints the seed.</summary>
    [Fact]
    public async Task Random_bytes_are_the_same_text_on_every_road_or_an_error_on_every_road()
    {
        var seed = Environment.TickCount;
        var random = new Random(seed);
        for (var i = 0; i < 300; i++)
        {
            var bytes = RandomText(random);
            var text = TryDecode(bytes);
            var expected = text is not null && IsIdentity(text) ? text : null;
            var context = $"seed {seed}, case {i}, bytes {Convert.ToHexString(bytes)}";
            var escaped = string.Concat(bytes.Select(value => $"%{value:X2}"));

            var posted = await PostAsync(_users, [.. "Identity="u8, .. RawOrEscaped(bytes, random)]);
            Assert.True(
                expected is null ? (int)posted.Status == 400 : posted.Status == HttpStatusCode.Created
                    && posted.Text("identity") == expected, $"{context}: the form answers {posted.Status}");
            var called = await CreateOverGrpcAsync(bytes);
            Assert.True(
                called == (expected is null ? StatusCode.InvalidArgument : StatusCode.AlreadyExists), $"{context}: gRPC answers {called}");
            // The server itself refuses NUL in paths, and dot segments cannot name a user.
            if (!bytes.Contains((byte)0) && text is not ("." or ".."))
            {
                var read = await _rest.SendAsync(HttpMethod.Get, _rest.RawUrl($"{_users}/{escaped}"), content: null);
                var wanted = text is null ? HttpStatusCode.BadRequest : expected is null ? HttpStatusCode.NotFound : HttpStatusCode.OK;
                Assert.True(
                    read.Status == wanted && (expected is null || read.Text("identity") == expected),
                    $"{context}: the path answers {read.Status}");
            }
            if (expected is not null)
                await _rest.Server.Users.DeleteUserAsync(new() { ServiceSid = _sid, UserKey = expected });
        }
        Assert.Empty(_rest.Server.Log.Problems);
    }

    public static TheoryData<string> Controls => ["\0", "a\0b", "\u0001", "a\tb", "a\nb", "a\r\nb", "\u001f", "\u007f", "\u0085", "\u009f"];

    [Theory]
    [MemberData(nameof(Controls))]
    public async Task A_control_character_in_a_name_is_rejected_alike_on_both_roads(string text)
    {
        await _rest.PostAsync(_users, ("Identity", "ada"));

        var created = (await _rest.PostAsync(_users, ("Identity", text))).Fails(HttpStatusCode.BadRequest, 20001);
        var renamed = (await _rest.PostAsync(_users + "/ada", ("FriendlyName", text))).Fails(HttpStatusCode.BadRequest, 20001);
        var called = await CallError.Of(
            _rest.Server.Users.CreateUserAsync(new CreateUserRequest { ServiceSid = _sid, Identity = text, FriendlyName = text }));
        var beaten = await CallError.Of(_rest.Server.BeatAsync(_sid, text));

        Assert.Equal([("Identity", "FIELD_INVALID")], created.Violations);
        Assert.Equal([("FriendlyName", "FIELD_INVALID")], renamed.Violations);
        Assert.Equal(["identity", "friendly_name"], called.Fields);
        Assert.Equal((StatusCode.InvalidArgument, "FIELD_INVALID"), (called.Code, called.Reason));
        Assert.Equal((StatusCode.InvalidArgument, "FIELD_INVALID"), (beaten.Code, beaten.Reason));
    }

    private async Task<RestReply> PostAsync(string path, byte[] form)
    {
        using var content = new ByteArrayContent(form);
        content.Headers.ContentType = new MediaTypeHeaderValue("application/x-www-form-urlencoded");
        return await _rest.SendAsync(HttpMethod.Post, path, content);
    }

    private async Task<StatusCode> CreateOverGrpcAsync(byte[] identity)
    {
        var request = new CreateUserRequest { ServiceSid = _sid }.ToByteArray();
        byte[] message = [.. request, (CreateUserRequest.IdentityFieldNumber << 3) | 2, .. Varint(identity.Length), .. identity];
        try
        {
            await RawMethod.CallAsync(_rest.Server.Invoker, "presence.v1.UserService", "CreateUser", message);
            return StatusCode.OK;
        }
        catch (RpcException exception)
        {
            return exception.StatusCode;
        }
    }

    private static byte[] Varint(int value) => value < 128 ? [(byte)value] : [(byte)(value | 0x80), (byte)(value >> 7)];

    private static byte[] RandomText(Random random)
    {
        var text = new StringBuilder();
        for (var i = random.Next(1, 12); i > 0; i--)
        {
            var (from, to) = random.Next(4) switch
            {
                0 => (0x20, 0x7f),
                1 => (0x80, 0x800),
                2 => (0x800, 0xd800),
                _ => (0x10000, 0x110000),
            };
            text.Append(new Rune(random.Next(from, to)));
        }
        var bytes = Encoding.UTF8.GetBytes(text.ToString());
        return random.Next(3) == 0 ? bytes : ByteDamage.Do(bytes, random) is { Length: > 0 and < 10_000 } damaged ? damaged : bytes;
    }

    // A form may escape any byte, and must escape its own separators.
    private static byte[] RawOrEscaped(byte[] bytes, Random random) =>
    [
        .. bytes.SelectMany(value => random.Next(2) == 0 || "&=+%"u8.Contains(value)
            ? Encoding.ASCII.GetBytes($"%{value:x2}")
            : [value]),
    ];

    private static string? TryDecode(byte[] bytes)
    {
        try
        {
            var text = Strict.GetString(bytes);
            Assert.Equal(text.Contains(Replacement), bytes.AsSpan().IndexOf("\ufffd"u8) >= 0);
            return text;
        }
        catch (DecoderFallbackException)
        {
            return null;
        }
    }

    private static bool IsIdentity(string text) => text.Length > 0 && text.EnumerateRunes().Count() <= 256 && !text.Any(char.IsControl);
}
