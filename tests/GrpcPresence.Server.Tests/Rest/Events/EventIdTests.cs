using System.Text;
using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Domain.Users;
using GrpcPresence.Core.Watching;
using GrpcPresence.Server.Grpc.Wire;
using GrpcPresence.Server.Rest.Events;
using GrpcPresence.Server.Rest.Http;
using GrpcPresence.Server.Rest.OpenApi;
using GrpcPresence.Server.Security.Authentication;
using Microsoft.AspNetCore.Http;
using UserView = GrpcPresence.Core.Domain.Users.UserView;

namespace GrpcPresence.Server.Tests.Rest.Events;

/// <summary>
/// Tests the id of every kind of event. A client reconnects with the last id that it received, so an event without its id makes the client
/// receive updates again, and an id too early makes it miss some.
/// </summary>
public sealed class EventIdTests
{
    private static readonly ServiceSid Service =
        ServiceSid.TryParse("IS" + new string('a', 32), out var sid) ? sid : throw new InvalidOperationException();

    private static readonly ResumeToken Token = new(Service, Guid.Empty, Base: 1, Position: 1, Newest: 1, FilterHash: 0);

    [Fact]
    public async Task Bookmarkable_an_event_with_a_token_has_it_as_its_id()
    {
        Assert.Equal(Token.Encode(), await IdOfAsync(new WatchEvent.Synced(Token)));
        Assert.Equal(Token.Encode(), await IdOfAsync(new WatchEvent.Progress(Token)));
        Assert.Equal(Token.Encode(), await IdOfAsync(new WatchEvent.Updates([new UserUpdate(Ada, UpdateReasons.Created)], Token)));
    }

    [Fact]
    public async Task Bookmarkable_an_event_without_a_token_has_no_id()
    {
        Assert.Null(await IdOfAsync(new WatchEvent.ConfigurationChanged(new ServiceConfiguration())));
        Assert.Null(await IdOfAsync(new WatchEvent.Updates([new UserUpdate(Ada, UpdateReasons.None)], At: null)));
    }

    [Fact]
    public async Task Snapshot_a_reset_removes_the_id_unless_the_URL_asks_for_no_snapshot()
    {
        Assert.Equal("", await IdOfAsync(new WatchEvent.Reset(Core.Watching.ResetReason.Initial)));
        Assert.Null(await IdOfAsync(new WatchEvent.Reset(Core.Watching.ResetReason.Initial), beginsNow: true));
    }

    [Fact]
    public async Task Resumable_the_last_event_has_the_last_token_of_the_watch_as_its_id()
    {
        var end = PresenceErrors.ServerStopping();
        var withToken = new PresenceException(end.Reason, end.Message)
        {
            Details = new Dictionary<string, string>(end.Details) { [WatchSession.ResumeTokenDetail] = Token.Encode() },
        };

        Assert.Equal(Token.Encode(), await IdOfAsync(writer => writer.EndAsync(withToken)));
        Assert.Null(await IdOfAsync(writer => writer.EndAsync(end)));
    }

    private static UserState Ada => UserState.Of(
        Service,
        new UserRecord
        {
            Sid = UserSid.TryParse("US" + new string('a', 32), out var sid) ? sid : throw new InvalidOperationException(),
            Identity = Identity.FromTrusted("ada"),
            CreateTime = DateTimeOffset.UnixEpoch,
            UpdateTime = DateTimeOffset.UnixEpoch,
            CreatedRevision = 1,
            Revision = 1,
        },
        new ServiceConfiguration());

    private static Task<string?> IdOfAsync(WatchEvent message, bool beginsNow = false) =>
        IdOfAsync(writer => writer.WriteAsync(new WatchFrame(message, Service, new UserEncoder(), UserView.Full)), beginsNow);

    /// <summary>Returns the id of the only event that is written; null if it has none.</summary>
    private static async Task<string?> IdOfAsync(Func<UpdatesWriter, Task> write, bool beginsNow = false)
    {
        var http = new DefaultHttpContext();
        using var body = new MemoryStream();
        http.Response.Body = body;
        // Writing an event calls no method.
        var call = new RestRequest(
            http,
            Caller.Operator,
            new RestOperation("Test", "", 200, []),
            UrlParameters.None,
            UrlParameters.None,
            methods: null!,
            accountSid: "");
        await write(new UpdatesWriter(call, beginsNow));
        var lines = Encoding.UTF8.GetString(body.ToArray()).Split('\n');
        Assert.Single(lines, line => line.StartsWith("event: ", StringComparison.Ordinal));
        return lines.SingleOrDefault(line => line.StartsWith("id: ", StringComparison.Ordinal))?["id: ".Length..];
    }
}
