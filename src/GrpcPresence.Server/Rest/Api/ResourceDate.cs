using System.Globalization;
using Google.Protobuf.WellKnownTypes;

namespace GrpcPresence.Server.Rest.Api;

/// <summary>Formats times as resources contain them: UTC, in whole seconds.</summary>
internal static class ResourceDate
{
    /// <summary>Returns the text, or null without a time.</summary>
    public static string? Of(Timestamp? time) => time?.ToDateTime().ToString("yyyy-MM-ddTHH:mm:ssZ", CultureInfo.InvariantCulture);
}
