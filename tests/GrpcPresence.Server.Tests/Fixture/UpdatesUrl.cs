using System.Text.Json;
using GrpcPresence.V1;

namespace GrpcPresence.Server.Tests.Fixture;

/// <summary>Builds the URL of a watch over server-sent events.</summary>
internal static class UpdatesUrl
{
    /// <summary>Returns the URL. It does not contain the resume token, which a header carries.</summary>
    public static string Of(WatchUsersRequest request)
    {
        var query = new List<(string Name, string Value)>();
        query.AddRange(request.UserKeys.Select(key => ("Identity", key)));
        query.AddRange(request.Reasons.Select(reason => ("Reasons", WordOf(reason))));
        if (request.View != UserView.Unspecified)
            query.Add(("View", WordOf(request.View)));
        if (request.Start != WatchStart.Unspecified)
            query.Add(("Start", WordOf(request.Start)));
        return $"/v1/Services/{request.ServiceSid}/UserUpdates?"
            + string.Join('&', query.Select(part => $"{part.Name}={Uri.EscapeDataString(part.Value)}"));
    }

    private static string WordOf<T>(T value)
        where T : struct, Enum => JsonNamingPolicy.CamelCase.ConvertName(value.ToString());
}
