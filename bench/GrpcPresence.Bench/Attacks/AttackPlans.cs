using System.Text;
using Google.Protobuf;
using Google.Protobuf.Reflection;
using GrpcPresence.Bench.Load;
using GrpcPresence.Bench.Peers;
using GrpcPresence.Bench.Scenarios;

namespace GrpcPresence.Bench.Attacks;

/// <summary>The attacks. Each one took the service from others before the server bounded it.</summary>
/// <param name="target">The tenant of the attacker.</param>
internal sealed class AttackPlans(AttackedServer target)
{
    private const string Gzip = "gzip";
    private const string ReflectionPath = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo";

    private static readonly IReadOnlyList<ServiceDescriptor> Services =
        [V1.UserService.Descriptor, V1.ConfigurationService.Descriptor, V1.ApiKeyService.Descriptor];

    /// <summary>
    /// Allowed calls of the attacker's back end at the same time: heartbeats, at a tenth of the default quota of its service instance.
    /// What they cost the victim is what any tenant may cost another.
    /// </summary>
    public AttackPlan Allowed() =>
        new("allowed heartbeats", [Headers(PresenceServer.HeartbeatPath, target.BackEnd)], PerSecond: 10_000)
        {
            Bodies =
            [
                .. Population.Heartbeats(Enumerable.Range(0, 1_000).ToArray(), AttackedServer.Service).Select(HostileBodies.Plain),
            ],
        };

    /// <summary>Returns all attacks, in the order in which they run.</summary>
    public IReadOnlyList<AttackPlan> All() =>
    [
        new("unknown protobuf groups in gzip, without credentials", Methods(authorization: null, Gzip), PerSecond: 10)
        {
            Bodies = [HostileBodies.UnknownGroups()],
        },
        new("unknown protobuf groups in gzip, by an end user", Methods(target.EndUser, Gzip), PerSecond: 10)
        {
            Bodies = [HostileBodies.UnknownGroups()],
        },
        new("524,000 empty beats in a message, by an end user", [Headers(PresenceServer.StreamHeartbeatsPath, target.EndUser, Gzip)], 10)
        {
            Bodies = [HostileBodies.EmptyBeats(Population.StreamStart(AttackedServer.Service))],
        },
        new("10,000 unread responses on a connection, without credentials", [HeaderBlock.OfGet("/openapi/v1.json")], PerSecond: 10_000)
        {
            MaxOpen = 10_000, Window = 0,
        },
        new("300 half-sent messages, by an end user", [Headers(PresenceServer.HeartbeatPath, target.EndUser)], PerSecond: 1_000)
        {
            Bodies = [HostileBodies.HalfOfMessage()], EndsBody = false, MaxOpen = 300, Connections = 100,
        },
        new("45,000 streams per second, opened and reset, without credentials", [Headers(PresenceServer.HeartbeatPath)], PerSecond: 45_000)
        {
            Bodies = [[]], EndsBody = false, Resets = true,
        },
        new(
            "32 lists of offline users among 100,000 online, by an end user",
            [Headers(PresenceServer.ListUsersPath, target.EndUser)],
            PerSecond: 32_000)
        {
            Bodies = [HostileBodies.Plain(OfflineUsers())], MaxOpen = 32,
        },
        new("1,000 reflection streams, without credentials", [Headers(ReflectionPath)], PerSecond: 1_000)
        {
            Bodies = [[]], EndsBody = false, MaxOpen = 1_000,
        },
        new("2,000 wrong credentials per second", WrongCredentials(), PerSecond: 2_000),
        new("3,000 edits that wait for a webhook, by a tenant", Edits(), PerSecond: 3_000)
        {
            // Only an edit that changes something waits.
            Bodies = [.. Enumerable.Range(0, 3_000).Select(i => Encoding.ASCII.GetBytes($"FriendlyName={i}"))], MaxOpen = 3_000,
        },
    ];

    private static byte[][] Methods(string? authorization, string encoding) =>
    [
        .. from service in Services
           from method in service.Methods
           where !method.IsClientStreaming
           select Headers($"/{service.FullName}/{method.Name}", authorization, encoding),
    ];

    private static byte[] Headers(string path, string? authorization = null, string? encoding = null) =>
        HeaderBlock.OfCall(path, authorization, encoding);

    private static byte[] OfflineUsers() =>
        new V1.ListUsersRequest { ServiceSid = AttackedServer.Service, Online = false, PageSize = 100 }.ToByteArray();

    private byte[][] Edits() =>
    [
        .. Enumerable.Range(0, 1_000).Select(i => HeaderBlock.OfForm(
            $"/v1/Services/{AttackedServer.Service}/Users/{Population.IdentityOf(i)}", target.BackEnd)),
    ];

    private static byte[][] WrongCredentials() =>
    [
        .. Enumerable.Range(0, 1_000).Select(i => Headers(
            PresenceServer.HeartbeatPath,
            "Basic " + Convert.ToBase64String(Encoding.ASCII.GetBytes($"SK{i:x32}:{i:x64}")))),
    ];
}
