using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Server.Grpc.Services;
using GrpcPresence.Server.Rest.Api;
using GrpcPresence.Server.Rest.Errors;
using GrpcPresence.Server.Rest.Http;
using GrpcPresence.Server.Rest.OpenApi;
using GrpcPresence.Server.Streams;
using GrpcPresence.Server.Streams.Requests;
using GrpcPresence.Server.Webhooks;
using Microsoft.Net.Http.Headers;

namespace GrpcPresence.Server.Rest.Events;

/// <summary>
/// Serves <c>WatchUsers</c> as server-sent events, for browsers and scripts. It calls the same method with another writer, so that all
/// guarantees of a watch apply.
/// </summary>
internal static class UpdatesEndpoint
{
    /// <summary>The header with which a client resumes.</summary>
    public const string LastEventId = "Last-Event-ID";

    private const string LastEventIdQuery = "lastEventId";
    private const string Path = RestPaths.Service + "/UserUpdates";
    private const string PathOfUser = RestPaths.Service + "/Users/Updates";
    private const string Identity = "Identity";
    private const string Reasons = "Reasons";
    private const string View = "View";
    private const string Start = "Start";
    private const string ResumeToken = "ResumeToken";

    private static readonly MediaTypeHeaderValue EventStream = new("text/event-stream");
    private static readonly MediaTypeHeaderValue Json = new("application/json");

    private static readonly Dictionary<string, V1.UserView> Views = new(StringComparer.OrdinalIgnoreCase)
    {
        [""] = V1.UserView.Unspecified,
        ["basic"] = V1.UserView.Basic,
        ["reachability"] = V1.UserView.Reachability,
        ["full"] = V1.UserView.Full,
    };

    private static readonly Dictionary<string, V1.WatchStart> Starts = new(StringComparer.OrdinalIgnoreCase)
    {
        [""] = V1.WatchStart.Unspecified,
        ["snapshot"] = V1.WatchStart.Snapshot,
        ["now"] = V1.WatchStart.Now,
    };

    private static readonly RestOperation Operation = NewOperation(
        "WatchServiceUserUpdates", "Streams a snapshot of the users and then each change with its reasons, as server-sent events.");

    private static readonly RestOperation OperationOfUser = NewOperation(
        "WatchServiceUser",
        "Streams like /UserUpdates if Accept prefers text/event-stream to JSON. Otherwise reads the user that has this identity.");

    private static RestOperation NewOperation(string id, string summary) => new(
        id,
        summary,
        StatusCodes.Status200OK,
        [
            RestPaths.InService,
            RestParameter.Query(
                Identity, RestParameterType.Texts, "Watches only these users, by SID or identity. At most 1000. Default: all users."),
            RestParameter.Query(
                Reasons,
                RestParameterType.Texts,
                $"Sends only changes for these reasons: {string.Join(", ", UpdateReasonNames.All)}. Deletions are always sent."),
            RestParameter.Query(
                View, RestParameterType.Text, "The fields of a user to send: basic, reachability or full. Default: full."),
            RestParameter.Query(
                Start,
                RestParameterType.Text,
                $"\"now\" starts with changes from now on, without a snapshot. Ignored if {LastEventId} is given."),
            RestParameter.Query(
                ResumeToken, RestParameterType.Text, $"The token to resume from, for clients that cannot send {LastEventId}."),
            RestParameter.Query(
                LastEventIdQuery,
                RestParameterType.Text,
                $"The same as {LastEventId}, from replacements of EventSource that cannot send headers."),
            RestParameter.Header(
                LastEventId,
                RestParameterType.Text,
                "The id of the last event, which is a resume token. Only later changes are sent."),
        ])
    {
        Produces = EventStream.MediaType.Value!,
    };

    /// <summary>Maps the operation.</summary>
    public static void Map(RestRoutes routes, RestErrors errors, TimeProvider time)
    {
        routes.Stream<UserUpdateResource>(Path, Operation, call => WatchAsync(call, errors, time));
        routes.Stream<UserUpdateResource>(
            PathOfUser, OperationOfUser, call => PrefersEvents(call.Http.Request) ? WatchAsync(call, errors, time) : ReadUserAsync(call));
    }

    /// <summary>
    /// Whether the client prefers events to JSON (RFC 9110, section 12.5.1). At equal quality, the media type that it names decides, and
    /// then the stream, for curl. Client libraries name JSON or send no header. They would wait forever for the end of a stream.
    /// </summary>
    private static bool PrefersEvents(HttpRequest request)
    {
        if (!MediaTypeHeaderValue.TryParseList(request.Headers.Accept, out var accepted))
            return false;
        var (events, json) = (QualityOf(EventStream, accepted), QualityOf(Json, accepted));
        return events > 0 && events >= json;
    }

    /// <summary>Returns the quality of the most specific range that includes the type, and a little less for a wildcard.</summary>
    private static double QualityOf(MediaTypeHeaderValue type, IList<MediaTypeHeaderValue> accepted)
    {
        const double OfWildcard = 0.9999; // a quality has three decimals
        var ranges = accepted.Where(type.IsSubsetOf).OrderBy(range => range.MatchesAllTypes).ThenBy(range => range.MatchesAllSubTypes);
        return ranges.FirstOrDefault() is { } range ? (range.Quality ?? 1) * (range.MatchesAllSubTypes ? OfWildcard : 1) : 0;
    }

    private static async Task ReadUserAsync(RestRequest call)
    {
        OpenRequests.Bound(call.Http);
        var user = await UserEndpoints.ReadAsync(call, RawPath.FindLast(call.Http));
        await call.Http.Response.WriteAsJsonAsync(user, RestJson.Options, call.Http.RequestAborted);
    }

    private static async Task WatchAsync(RestRequest call, RestErrors errors, TimeProvider time)
    {
        var start = call.Word(Start, Starts);
        var request = Read(call, start);
        var output = new UpdatesWriter(call, beginsNow: start == V1.WatchStart.Now);
        try
        {
            await call.WatchAsync(request, output);
        }
        catch (PresenceException exception) when (exception.Reason == ErrorReason.ServerStopping && !call.Http.Response.HasStarted)
        {
            // An EventSource never reconnects after a response with an error status, but it does after a broken connection. So a page that
            // reconnects while the server still drains finds the next server.
            StreamReset.Reset(call.Http);
        }
        catch (OperationCanceledException) when (output.IsHead)
        {
            // The watch was opened, so that the response has its status and headers.
        }
        catch (Exception exception) when (call.Http.Response.HasStarted)
        {
            if (errors.FindEnd(call.Http, exception) is { } end)
                await EndAsync(output.EndAsync(end), call.Http, time);
        }
    }

    // A client that has not read earlier events does not read the last one either, and must not keep the connection open.
    private static async Task EndAsync(Task sending, HttpContext http, TimeProvider time)
    {
        if (!sending.IsCompleted && await Task.WhenAny(sending, Task.Delay(WatchUsersHandler.WriteGrace, time)) != sending)
            StreamReset.Reset(http);
        await sending;
    }

    private static V1.WatchUsersRequest Read(RestRequest call, V1.WatchStart start)
    {
        var last = call.Header(LastEventId) is { Length: > 0 } header ? header : call.Query(LastEventIdQuery);
        var request = new V1.WatchUsersRequest
        {
            ServiceSid = call.Path(RestPaths.ServiceSid),
            View = call.Word(View, Views),
            // A browser resumes with the URL that it began with, so its last event id takes precedence over Start and ResumeToken.
            Start = last.Length > 0 ? V1.WatchStart.Unspecified : start,
            ResumeToken = last.Length > 0 ? last : call.Query(ResumeToken),
        };
        request.UserKeys.AddRange(call.Queries(Identity));
        foreach (var word in call.Queries(Reasons))
        {
            if (UpdateReasonNames.TryParse(word, out var reason))
            {
                request.Reasons.Add((V1.UpdateReason)int.Log2((int)reason));
            }
            else
            {
                call.Reject(Reasons, ErrorReason.FieldInvalid, $"must be one of {string.Join(", ", UpdateReasonNames.All)}",
                    defaultValue: 0);
            }
        }
        return request;
    }
}
