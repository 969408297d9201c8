using System.Buffers.Binary;
using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Text;
using GrpcPresence.Server.Tests.Fixture;

namespace GrpcPresence.Server.Tests.GrpcWeb;

/// <summary>The reply to a gRPC-Web request that was built by hand.</summary>
/// <param name="Http">The HTTP status.</param>
/// <param name="GrpcStatus">The gRPC status, from the headers or from the trailers in the body; null if neither has one.</param>
/// <param name="Headers">The headers.</param>
internal sealed record WebReply(HttpStatusCode Http, int? GrpcStatus, HttpResponseHeaders Headers)
{
    public const string Binary = "application/grpc-web";
    public const string Text = "application/grpc-web-text";

    private const string StatusName = "grpc-status";

    /// <summary>Posts a body to the method.</summary>
    public static async Task<WebReply> ToAsync(
        TestServer server, string path, byte[] body, string type = Binary, params (string Name, string Value)[] headers)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, path) { Content = new ByteArrayContent(body) };
        request.Content.Headers.TryAddWithoutValidation("Content-Type", type);
        request.Headers.TryAddWithoutValidation("Accept", type);
        foreach (var (name, value) in headers)
            request.Headers.TryAddWithoutValidation(name, value);
        using var response = await server.Rest.SendAsync(request, TestRun.Token);
        var content = await response.Content.ReadAsByteArrayAsync(TestRun.Token);
        var status = response.Headers.TryGetValues(StatusName, out var values)
            ? int.Parse(Assert.Single(values), CultureInfo.InvariantCulture)
            : StatusIn(response.Content.Headers.ContentType?.MediaType == Text ? Decode(content) : content);
        return new WebReply(response.StatusCode, status, response.Headers);
    }

    /// <summary>Frames a message.</summary>
    public static byte[] Frame(byte[] message, byte flags = 0)
    {
        var frame = new byte[5 + message.Length];
        frame[0] = flags;
        BinaryPrimitives.WriteInt32BigEndian(frame.AsSpan(1), message.Length);
        message.CopyTo(frame, 5);
        return frame;
    }

    /// <summary>Reads a body in base64.</summary>
    public static byte[] Encode(byte[] body) => Encoding.ASCII.GetBytes(Convert.ToBase64String(body));

    // Each flush of the server ends a base64 text with its own padding.
    private static byte[] Decode(byte[] text) =>
        [.. Encoding.ASCII.GetString(text).Chunk(4).SelectMany(four => Convert.FromBase64CharArray(four, 0, four.Length))];

    private static int? StatusIn(byte[] content)
    {
        const byte Trailers = 0x80;
        var rest = content.AsSpan();
        while (rest.Length >= 5)
        {
            var length = BinaryPrimitives.ReadInt32BigEndian(rest[1..]);
            if (rest[0] == Trailers)
            {
                var lines = Encoding.ASCII.GetString(rest.Slice(5, length)).Split("\r\n");
                var status = lines.Single(line => line.StartsWith(StatusName + ": ", StringComparison.Ordinal));
                return int.Parse(status[(StatusName.Length + 2)..], CultureInfo.InvariantCulture);
            }
            rest = rest[(5 + length)..];
        }
        return null;
    }
}
