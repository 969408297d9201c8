using System.Text.Json;
using System.Text.Json.Serialization;
using GrpcPresence.Core.Domain.Services;

namespace GrpcPresence.Storage.Formats;

/// <summary>Stores notification settings as JSON. A property that is missing in the text has its default.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower)]
[JsonSerializable(typeof(NotificationSettings))]
internal sealed partial class NotificationJson : JsonSerializerContext
{
    /// <summary>Serializes the settings.</summary>
    public static string Write(NotificationSettings settings) => JsonSerializer.Serialize(settings, Default.NotificationSettings);

    /// <summary>Deserializes the settings; null yields the defaults.</summary>
    public static NotificationSettings Read(string? text) =>
        text is null ? new NotificationSettings() : JsonSerializer.Deserialize(text, Default.NotificationSettings)!;
}
