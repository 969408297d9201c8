using System.Text.Json;
using System.Text.Json.Serialization;
using GrpcPresence.Core.Domain.Services;

namespace GrpcPresence.Storage.Sqlite.Store;

/// <summary>Notification settings as the text that is stored. A property that the text does not have reads as its default.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower)]
[JsonSerializable(typeof(NotificationSettings))]
internal sealed partial class NotificationJson : JsonSerializerContext
{
    /// <summary>The text of the settings.</summary>
    public static string Write(NotificationSettings settings) => JsonSerializer.Serialize(settings, Default.NotificationSettings);

    /// <summary>The settings of a text; the defaults of none.</summary>
    public static NotificationSettings Read(string? text) =>
        text is null ? new NotificationSettings() : JsonSerializer.Deserialize(text, Default.NotificationSettings)!;
}
