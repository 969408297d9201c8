using System.Collections;
using Google.Protobuf;
using Google.Protobuf.Reflection;
using GrpcPresence.Server.Security.Authorization;
using GrpcPresence.Server.Tests.Fixture;
using GrpcPresence.V1;

namespace GrpcPresence.Server.Tests.Security;

/// <summary>
/// Tests that authorization checks every key of a user that a request can contain, wherever the protos put it. A new field or a new
/// message of a oneof is tested without a change here.
/// </summary>
public sealed class RequestKeysTests(GuardedCallers callers) : IClassFixture<GuardedCallers>
{
    private const string Key = "bob";

    /// <summary>The methods that an end user may call only for their own user.</summary>
    public static TheoryData<string> Methods =>
        [.. AuthorizationTable.All.Where(rule => rule.EndUsers == EndUserRights.Self).Select(rule => rule.Method)];

    /// <summary>The messages of a heartbeat stream that name users.</summary>
    public static TheoryData<string> Messages => [.. StreamHeartbeatsRequest.Descriptor.Oneofs.Single().Fields
        .Where(kind => RequestsWithOneKey(kind.MessageType).Any())
        .Select(kind => kind.Name)];

    [Theory]
    [MemberData(nameof(Methods))]
    public void Isolation_Every_key_of_a_request_is_checked(string method)
    {
        var rule = AuthorizationTable.Find(method)!;
        var request = rule.GetType().GetGenericArguments().Single();
        var requests = RequestsWithOneKey(((IMessage)Activator.CreateInstance(request)!).Descriptor).ToList();

        Assert.NotEmpty(requests);
        foreach (var message in requests)
        {
            var keys = (IEnumerable<string>)rule.GetType().GetMethod("UsersOf")!.Invoke(rule, [message])!;
            Assert.True(keys.Contains(Key), $"{method} does not check the key in {message}.");
        }
    }

    [Theory]
    [MemberData(nameof(Messages))]
    public async Task Isolation_An_end_user_sends_each_message_of_a_stream_only_for_herself(string field)
    {
        Assert.Empty((await SendAsync(callers.Alice)).Rejected);
        Assert.Equal("PERMISSION_DENIED", await RefusalAsync(callers.Bob));
        Assert.Equal("PERMISSION_DENIED", await RefusalAsync(callers.Alice, callers.Bob));

        async Task<StreamHeartbeatsResponse> SendAsync(string user)
        {
            using var stream = await OpenAsync();
            await stream.Send(MessageOf(field, user));
            return await stream.Reply();
        }

        async Task<string> RefusalAsync(params string[] users)
        {
            using var stream = await OpenAsync();
            await stream.Send(MessageOf(field, users));
            return (await stream.Ended()).Reason;
        }
    }

    private async Task<HeartbeatStream> OpenAsync()
    {
        // An end user may open ten streams a second.
        callers.Guarded.Time.Advance(TimeSpan.FromMilliseconds(100));
        var stream = new HeartbeatStream(callers.Guarded.UsersAs(callers.EndUser).StreamHeartbeats());
        await stream.SendStart(callers.Own, endSessionsOnClose: false);
        await stream.Reply();
        return stream;
    }

    /// <summary>
    /// Returns a message of the stream with an entry for each user. Each kind of message has a session of its own, because an ended session
    /// stays ended, and the tests run in any order.
    /// </summary>
    private static StreamHeartbeatsRequest MessageOf(string name, params string[] users)
    {
        var field = StreamHeartbeatsRequest.Descriptor.FindFieldByName(name);
        var entries = field.MessageType.Parser.ParseFrom(ByteString.Empty);
        var list = (IList)field.MessageType.Fields.InDeclarationOrder().Single().Accessor.GetValue(entries);
        foreach (var user in users)
            list.Add(new SessionBeat { UserKey = user, SessionId = name });
        var message = new StreamHeartbeatsRequest();
        field.Accessor.SetValue(message, entries);
        return message;
    }

    /// <summary>Returns, for each place of a user's key in a message, the message with only this key.</summary>
    private static IEnumerable<IMessage> RequestsWithOneKey(MessageDescriptor type)
    {
        foreach (var field in type.Fields.InDeclarationOrder())
        {
            var values = field.FieldType switch
            {
                FieldType.String when IsKey(field) => [Key],
                FieldType.Message when field.MessageType.FullName.StartsWith("presence.", StringComparison.Ordinal) =>
                    RequestsWithOneKey(field.MessageType),
                _ => Enumerable.Empty<object>(),
            };
            foreach (var value in values)
            {
                var message = type.Parser.ParseFrom(ByteString.Empty);
                if (field.IsRepeated)
                    ((IList)field.Accessor.GetValue(message)).Add(value);
                else
                    field.Accessor.SetValue(message, value);
                yield return message;
            }
        }
    }

    private static bool IsKey(FieldDescriptor field) =>
        field.Name is "user_key" or "user_keys" || (field.ContainingType == User.Descriptor && field.Name is "sid" or "identity");
}
