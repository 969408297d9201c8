using System.Globalization;
using Google.Protobuf.WellKnownTypes;

namespace GrpcPresence.Server.Rest.Api;

/// <summary>Times as the resources write them: UTC, in whole seconds.</summary>
internal static class ResourceDate
{
    /// <summary>The text; null when there is no time.</summary>
    public static string? Of(Timestamp? time) => time?.ToDateTime().ToString("yyyy-MM-ddTHH:mm:ssZ", CultureInfo.InvariantCulture);
}
