using System.Text;

namespace GrpcPresence.Bench.Load;

/// <summary>Creates header blocks from literals and entries of HPACK's static table (RFC 7541, appendix A).</summary>
internal static class HeaderBlock
{
    private const byte MethodGet = 0x82;
    private const byte MethodPost = 0x83;
    private const byte SchemeHttp = 0x86;

    // Names in the static table.
    private const byte Authority = 1;
    private const byte Path = 4;
    private const byte Authorization = 23;
    private const byte ContentType = 31;

    /// <summary>Returns the block of a gRPC call.</summary>
    /// <param name="path">The method.</param>
    /// <param name="authorization">The credentials, or null.</param>
    /// <param name="encoding">The compression of the messages, or null.</param>
    public static byte[] OfCall(string path, string? authorization = null, string? encoding = null)
    {
        using var block = Begin(MethodPost, path, authorization);
        Add(block, ContentType, "application/grpc");
        Add(block, "te", "trailers");
        if (encoding is not null)
            Add(block, "grpc-encoding", encoding);
        return block.ToArray();
    }

    /// <summary>Returns the block of a GET request.</summary>
    public static byte[] OfGet(string path) => Begin(MethodGet, path, authorization: null).ToArray();

    /// <summary>Returns the block of a POST request of REST with a form, whose change is announced to webhooks.</summary>
    public static byte[] OfForm(string path, string authorization)
    {
        using var block = Begin(MethodPost, path, authorization);
        Add(block, ContentType, "application/x-www-form-urlencoded");
        Add(block, "x-twilio-webhook-enabled", "true");
        return block.ToArray();
    }

    private static MemoryStream Begin(byte method, string path, string? authorization)
    {
        var block = new MemoryStream();
        block.Write([method, SchemeHttp]);
        Add(block, Path, path);
        Add(block, Authority, "127.0.0.1");
        if (authorization is not null)
            Add(block, Authorization, authorization);
        return block;
    }

    private static void Add(MemoryStream block, byte name, string value)
    {
        // Four bits of index; larger ones continue in the next byte.
        block.Write(name < 15 ? [name] : [15, (byte)(name - 15)]);
        Write(block, value);
    }

    private static void Add(MemoryStream block, string name, string value)
    {
        block.WriteByte(0);
        Write(block, name);
        Write(block, value);
    }

    private static void Write(MemoryStream block, string text)
    {
        // Seven bits of length; larger ones continue in groups of seven bits.
        const int Most = 127;
        block.WriteByte((byte)Math.Min(text.Length, Most));
        for (var left = text.Length - Most; left >= 0; left = left < 128 ? -1 : left >> 7)
            block.WriteByte((byte)(left < 128 ? left : 128 | (left & 127)));
        block.Write(Encoding.ASCII.GetBytes(text));
    }
}
