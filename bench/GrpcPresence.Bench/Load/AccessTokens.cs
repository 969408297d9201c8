using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;

namespace GrpcPresence.Bench.Load;

/// <summary>Creates access tokens like a back end.</summary>
internal static class AccessTokens
{
    private static readonly TimeSpan Lifetime = TimeSpan.FromHours(12);

    /// <summary>Returns the header with a token of the API key for the identity.</summary>
    public static string Bearer(string sid, string secret, string service, string identity) =>
        $"Bearer {Create(sid, secret, service, identity)}";

    /// <summary>Returns a token of the API key for the identity.</summary>
    public static string Create(string sid, string secret, string service, string identity)
    {
        var now = DateTimeOffset.UtcNow;
        var claims = new JsonObject
        {
            ["jti"] = $"{sid}-{now.ToUnixTimeSeconds()}",
            ["iss"] = sid,
            ["sub"] = "AC00000000000000000000000000000001",
            ["iat"] = now.ToUnixTimeSeconds(),
            ["exp"] = (now + Lifetime).ToUnixTimeSeconds(),
            ["grants"] = new JsonObject { ["identity"] = identity, ["chat"] = new JsonObject { ["service_sid"] = service } },
        };
        var signed = $"{Part("""{"alg":"HS256","typ":"JWT","cty":"twilio-fpa;v=1"}""")}.{Part(claims.ToJsonString())}";
        var signature = HMACSHA256.HashData(Encoding.UTF8.GetBytes(secret), Encoding.ASCII.GetBytes(signed));
        return $"{signed}.{Base64Url.EncodeToString(signature)}";
    }

    private static string Part(string text) => Base64Url.EncodeToString(Encoding.UTF8.GetBytes(text));
}
