using System.Text;
using System.Text.Json;
using GrpcPresence.Core.Domain;
using GrpcPresence.Core.Domain.Errors;

namespace GrpcPresence.Server.Grpc.Mapping;

/// <content>Texts.</content>
internal sealed partial class RequestReader
{
    private const string NoAttributes = "{}";
    private const string Characters = "characters";
    private const string Bytes = "bytes of UTF-8";

    /// <summary>Reads a display name; may be empty.</summary>
    public string FriendlyName(string text, string field = "friendly_name") => TextRules.IsLonger(text, Limits.FriendlyNameLength)
        ? RefuseLength<string>(text, field, Limits.FriendlyNameLength, Characters)
        : Line(text, field);

    /// <summary>Reads the certificate name of an API key; may be empty.</summary>
    public string CertificateName(string text, string field = "certificate_name") => Line(text, field, Limits.CertificateNameBytes);

    /// <summary>Reads a push address; required.</summary>
    public string Endpoint(string text, string field = "endpoint") => text.Length == 0
        ? Refuse<string>(field, ErrorReason.FieldRequired, "must be set")
        : Line(text, field, Limits.EndpointBytes);

    /// <summary>Reads a JSON object and keeps its text unchanged. The empty text is the empty object.</summary>
    public string Attributes(string text, string field = "attributes")
    {
        if (text.Length == 0)
            return NoAttributes;
        if (IsLonger(text, Limits.AttributesBytes))
            return RefuseLength<string>(text, field, Limits.AttributesBytes, Bytes);
        return IsJsonObject(text)
            ? text
            : Refuse<string>(
                field, ErrorReason.AttributesInvalid, $"must be a JSON object with at most {Limits.AttributesDepth} levels of nesting");
    }

    /// <summary>Reads a text of one line.</summary>
    private string Line(string text, string field, int maxBytes) =>
        IsLonger(text, maxBytes) ? RefuseLength<string>(text, field, maxBytes, Bytes) : Line(text, field);

    private string Line(string text, string field) => TextRules.HasControls(text) ? RefuseControls<string>(field) : text;

    private T RefuseControls<T>(string field) => Refuse<T>(field, ErrorReason.FieldInvalid, "must not contain control characters");

    // A text has at least as many bytes as characters. Checking the characters first avoids counting the bytes of a huge text.
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
