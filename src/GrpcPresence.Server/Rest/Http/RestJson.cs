using System.Text.Encodings.Web;
using System.Text.Json;

namespace GrpcPresence.Server.Rest.Http;

/// <summary>How the resources are written: names in snake case, and what is null as null.</summary>
internal static class RestJson
{
    /// <summary>The options.</summary>
    public static readonly JsonSerializerOptions Options = new(JsonSerializerDefaults.Web)
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, // safe where it is sent as JSON, and URLs stay readable
    };
}
