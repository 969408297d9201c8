using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using GrpcPresence.V1;

namespace GrpcPresence.Server.Tests.Fixture;

/// <summary>Builds an access token by hand, so that tests do not create tokens with the code that verifies them.</summary>
internal sealed class AccessToken
{
    public JsonObject Header { get; } = new() { ["alg"] = "HS256", ["typ"] = "JWT", ["cty"] = "twilio-fpa;v=1" };

    public JsonObject Claims { get; } = [];

    public static AccessToken For(CreateApiKeyResponse key, string identity, string service, DateTimeOffset now, TimeSpan lifetime)
    {
        var token = new AccessToken();
        var issued = now.ToUnixTimeSeconds();
        token.Claims["jti"] = $"{key.ApiKey.Sid}-{issued}";
        token.Claims["iss"] = key.ApiKey.Sid;
        token.Claims["sub"] = "AC00000000000000000000000000000001";
        token.Claims["iat"] = issued;
        token.Claims["exp"] = (now + lifetime).ToUnixTimeSeconds();
        token.Claims["grants"] = new JsonObject { ["identity"] = identity, ["chat"] = new JsonObject { ["service_sid"] = service } };
        return token;
    }

    /// <summary>Returns the signed token.</summary>
    public string Sign(string secret)
    {
        var signed = $"{Part(Header.ToJsonString())}.{Part(Claims.ToJsonString())}";
        var (key, text) = (Encoding.UTF8.GetBytes(secret), Encoding.UTF8.GetBytes(signed));
        var signature = Header["alg"]?.ToString() switch
        {
            "HS384" => HMACSHA384.HashData(key, text),
            "HS512" => HMACSHA512.HashData(key, text),
            "none" => [],
            _ => HMACSHA256.HashData(key, text),
        };
        return $"{signed}.{Base64Url.EncodeToString(signature)}";
    }

    /// <summary>Returns a token with this exact payload.</summary>
    public static string Sign(string payload, string secret)
    {
        var signed = $"{Part("""{"alg":"HS256","typ":"JWT"}""")}.{Part(payload)}";
        return $"{signed}.{Base64Url.EncodeToString(HMACSHA256.HashData(Encoding.UTF8.GetBytes(secret), Encoding.UTF8.GetBytes(signed)))}";
    }

    public static string Part(string text) => Base64Url.EncodeToString(Encoding.UTF8.GetBytes(text));
}
