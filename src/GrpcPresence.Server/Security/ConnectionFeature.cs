using Microsoft.AspNetCore.Connections.Features;

namespace GrpcPresence.Server.Security;

/// <summary>
/// Finds what the listeners have set for a connection. Kestrel has one object for all requests that take the same place on an HTTP/2
/// connection, one after the other, and keeps a state with it. What was found for the first of them is found there in a third of the time:
/// otherwise each search compares some 40 types.
/// </summary>
/// <typeparam name="T">The type of the feature.</typeparam>
internal static class ConnectionFeature<T>
    where T : class
{
    private static readonly object Key = new();

    /// <summary>Returns the feature, or null if the connection has none.</summary>
    public static T? Of(HttpContext http)
    {
        if (http.Features is not IPersistentStateFeature { State: var state })
            return http.Features.Get<T>();
        if (!state.TryGetValue(Key, out var feature))
            state[Key] = feature = http.Features.Get<T>();
        return (T?)feature;
    }
}
