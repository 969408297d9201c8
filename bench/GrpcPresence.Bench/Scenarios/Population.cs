using System.Globalization;
using Google.Protobuf;
using GrpcPresence.Bench.Peers;
using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Domain.Users;

namespace GrpcPresence.Bench.Scenarios;

/// <summary>The users of a load. All have identities of 24 bytes and session ids of 36, as the targets specify.</summary>
internal static class Population
{
    private const int Seed = 20260101;

    /// <summary>Returns the identity of a user.</summary>
    public static string IdentityOf(int user) => string.Create(CultureInfo.InvariantCulture, $"user-{user:D19}");

    /// <summary>
    /// Returns the id of a user's session, a GUID as clients create them. Each round has different ids, because an ended session stays
    /// ended.
    /// </summary>
    public static string SessionOf(int user, int round = 0) =>
        string.Create(CultureInfo.InvariantCulture, $"{round:x8}-0000-4000-8000-{user:x12}");

    /// <summary>Returns the domain's identity.</summary>
    public static Identity Identity(int user) =>
        Core.Domain.Users.Identity.TryParse(IdentityOf(user), out var identity)
            ? identity
            : throw new InvalidOperationException("The identity of a load is not valid.");

    /// <summary>Returns the domain's id of a session.</summary>
    public static SessionId Session(int user, int round) =>
        SessionId.TryParse(SessionOf(user, round), out var session)
            ? session
            : throw new InvalidOperationException("The session id of a load is not valid.");

    /// <summary>Returns the domain's SID of the loads' service instance.</summary>
    public static ServiceSid Service() =>
        ServiceSid.TryParse(PresenceServer.Service, out var service)
            ? service
            : throw new InvalidOperationException("The service SID of a load is not valid.");

    /// <summary>Returns the numbers of users in an order that no cache predicts, the same in every run.</summary>
    public static int[] Shuffled(int count)
    {
        var users = Enumerable.Range(0, count).ToArray();
        new Random(Seed).Shuffle(users);
        return users;
    }

    /// <summary>Returns the first message of a heartbeat stream.</summary>
    public static byte[] StreamStart(string service = PresenceServer.Service) =>
        new V1.StreamHeartbeatsRequest { Start = new V1.HeartbeatStreamStart { ServiceSid = service } }.ToByteArray();

    /// <summary>Returns messages with the heartbeats of the users, several in each.</summary>
    public static byte[][] Beats(IEnumerable<int> users, int each, int round = 0) =>
        [
            .. users.Chunk(each).Select(some => new V1.StreamHeartbeatsRequest
            {
                Beats = new() { Beats = { some.Select(user => Beat(user, round)) } },
            }.ToByteArray()),
        ];

    /// <summary>Returns messages that end the sessions of the users, several in each.</summary>
    public static byte[][] Ends(IEnumerable<int> users, int each, int round = 0) =>
        [
            .. users.Chunk(each).Select(some => new V1.StreamHeartbeatsRequest
            {
                Ends = new() { Ends = { some.Select(user => Beat(user, round)) } },
            }.ToByteArray()),
        ];

    /// <summary>Returns requests with one heartbeat each.</summary>
    public static byte[][] Heartbeats(IEnumerable<int> users, string service = PresenceServer.Service) =>
        [
            .. users.Select(user => new V1.HeartbeatRequest
            {
                ServiceSid = service, UserKey = IdentityOf(user), SessionId = SessionOf(user),
            }.ToByteArray()),
        ];

    private static V1.SessionBeat Beat(int user, int round) => new() { UserKey = IdentityOf(user), SessionId = SessionOf(user, round) };
}
