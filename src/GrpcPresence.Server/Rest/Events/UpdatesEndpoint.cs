using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Server.Grpc.Services;
using GrpcPresence.Server.Rest.Errors;
using GrpcPresence.Server.Rest.Http;
using GrpcPresence.Server.Rest.OpenApi;
using GrpcPresence.Server.Streams;
using GrpcPresence.Server.Webhooks;

namespace GrpcPresence.Server.Rest.Events;

/// <summary>
/// Serves <c>WatchUsers</c> as server-sent events, for browsers and scripts. It calls the same method with another writer, so that all
/// guarantees of a watch apply.
/// </summary>
internal static class UpdatesEndpoint
{
    /// <summary>The header with which a client resumes.</summary>
    public const string LastEventId = "Last-Event-ID";

    private const string Path = RestPaths.Service + "/Users/Updates";
    private const string Identity = "Identity";
    private const string Reasons = "Reasons";
    private const string View = "View";
    private const string Start = "Start";
    private const string ResumeToken = "ResumeToken";

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

    private static readonly RestOperation Operation = new(
        "WatchServiceUser",
        "Streams a snapshot of the users and then each change with its reasons, as server-sent events.",
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
            RestParameter.Header(
                LastEventId,
                RestParameterType.Text,
                "The id of the last event, which is a resume token. Only later changes are sent."),
        ])
    {
        Produces = "text/event-stream",
    };

    /// <summary>Maps the operation.</summary>
    public static void Map(RestRoutes routes, RestErrors errors, TimeProvider time) =>
        routes.Stream<UserUpdateResource>(Path, Operation, call => WatchAsync(call, errors, time));

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
        var last = call.Header(LastEventId);
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
