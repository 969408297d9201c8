using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Domain.Users;
using GrpcPresence.Core.Presence;

namespace GrpcPresence.MicroBench.Fixture;

/// <summary>Users of ordinary sizes, by number. Each call creates new texts, like a request.</summary>
internal static class Sample
{
    private static readonly DateTimeOffset CreateTime = new(2026, 1, 1, 8, 30, 0, TimeSpan.Zero);

    /// <summary>An identity of 24 characters.</summary>
    public static Identity Identity(int user) => Core.Domain.Users.Identity.FromTrusted($"user-{user:x19}");

    /// <summary>A session id of 36 characters.</summary>
    public static SessionId Session(int user) =>
        SessionId.TryParse($"{user:x8}-0000-4000-8000-{user:x12}", out var id)
            ? id
            : throw new InvalidOperationException("The session id is not valid.");

    /// <summary>Returns a heartbeat of the user's only session.</summary>
    public static Visit Visit(int user) => new(new UserRef(Identity(user), Sid: null, MayCreate: true), Session(user));

    /// <summary>Returns what is visible of a user with a profile of about 150 bytes that came online at the revision.</summary>
    public static UserState State(ServiceRecord service, int user, long revision)
    {
        var known = service.Configuration.SwitchedOnRevision;
        var record = new UserRecord
        {
            Id = user + 1,
            Sid = new UserSid((UInt128)(user + 1) << 64),
            Identity = Identity(user),
            FriendlyName = $"Friendly Name {user}",
            Attributes = """{"team":"support","locale":"en-GB","avatar":"https://example.com/avatars/1f6b3c.png","skills":"""
                + """["chat","voice"]}""",
            CreateTime = CreateTime,
            UpdateTime = CreateTime,
            IsOnline = true,
            BindingCount = 1,
            HadBinding = true,
            CreatedRevision = known,
            KnownRevision = known,
            OnlineRevision = revision,
            Revision = revision,
        };
        return UserState.Of(service.Sid, record, service.Configuration);
    }
}
