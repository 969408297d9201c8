using System.Text;
using System.Text.Json;
using GrpcPresence.Core.Domain;
using GrpcPresence.Core.Domain.Errors;

namespace GrpcPresence.Server.Grpc.Mapping;

/// <content>Texts.</content>
internal sealed partial class RequestReader
{
    private const string NoAttributes = "{}";

    /// <summary>A name for people; may be empty.</summary>
    public string FriendlyName(string text, string field = "friendly_name") => Text(text, field, Limits.FriendlyNameBytes);

    /// <summary>A name of client certificates; may be empty.</summary>
    public string CertificateName(string text, string field = "certificate_name") => Text(text, field, Limits.CertificateNameBytes);

    /// <summary>A push address; required.</summary>
    public string Endpoint(string text, string field = "endpoint") => text.Length == 0
        ? Refuse<string>(field, ErrorReason.FieldRequired, "must be set")
        : Text(text, field, Limits.EndpointBytes);

    /// <summary>A JSON object, kept as it is given; the empty text is the empty object.</summary>
    public string Attributes(string text, string field = "attributes")
    {
        if (text.Length == 0)
            return NoAttributes;
        if (IsLonger(text, Limits.AttributesBytes))
            return RefuseLength<string>(text, field, Limits.AttributesBytes);
        return IsJsonObject(text)
            ? text
            : Refuse<string>(field, ErrorReason.AttributesInvalid, $"must be a JSON object, nested at most {Limits.AttributesDepth} deep");
    }

    private string Text(string text, string field, int most) => IsLonger(text, most) ? RefuseLength<string>(text, field, most) : text;

    // No text has fewer bytes than characters, so that a huge one is not counted through.
    private static bool IsLonger(string text, int bytes) => text.Length > bytes || Encoding.UTF8.GetByteCount(text) > bytes;

    private static bool IsJsonObject(string text)
    {
        var json = new Utf8JsonReader(Encoding.UTF8.GetBytes(text), new JsonReaderOptions { MaxDepth = Limits.AttributesDepth });
        try
        {
            if (!json.Read() || json.TokenType != JsonTokenType.StartObject)
                return false;
            while (json.Read())
            {
            }
            return true;
        }
        catch (JsonException)
        {
            return false;
        }
    }
}
