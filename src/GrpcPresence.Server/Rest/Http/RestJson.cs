using System.Text.Encodings.Web;
using System.Text.Json;

namespace GrpcPresence.Server.Rest.Http;

/// <summary>Defines the JSON of resources: names in snake case, and null properties written as null.</summary>
internal static class RestJson
{
    /// <summary>The options of the serializer.</summary>
    public static readonly JsonSerializerOptions Options = new(JsonSerializerDefaults.Web)
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, // safe in a response of type JSON, and keeps URLs readable
    };
}
