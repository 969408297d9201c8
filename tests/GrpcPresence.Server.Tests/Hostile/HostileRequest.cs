using Google.Protobuf;
using Google.Protobuf.Reflection;
using GrpcPresence.Server.Grpc;
using GrpcPresence.V1;

namespace GrpcPresence.Server.Tests.Hostile;

/// <summary>One case: a method and its requests. The number and the round determine everything.</summary>
internal sealed record HostileRequest(int Number, MethodDescriptor Method, IReadOnlyList<byte[]> Messages)
{
    private const int MostMessages = 6;
    private const int ShownBytes = 400;

    private static readonly StreamHeartbeatsRequest Start = new() { Start = new HeartbeatStreamStart { ServiceSid = KnownValues.Service } };
    private static readonly MethodDescriptor[] Unary = [.. Methods.Where(method => !method.IsServerStreaming)];
    private static readonly MethodDescriptor[] ServerStreams =
        [.. Methods.Where(method => method is { IsServerStreaming: true, IsClientStreaming: false })];
    private static readonly MethodDescriptor[] Duplex = [.. Methods.Where(method => method.IsClientStreaming)];

    /// <summary>Every method that is served.</summary>
    public static IEnumerable<MethodDescriptor> Methods => GrpcEndpoints.All.SelectMany(service => service.Methods);

    /// <summary>Creates the case with this number.</summary>
    public static HostileRequest Make(int number, KnownValues known)
    {
        var random = new Random(number);
        var methods = random.Next(20) switch
        {
            0 => ServerStreams,
            1 or 2 => Duplex,
            _ => Unary,
        };
        var method = methods[random.Next(methods.Length)];
        var messages = Enumerable.Range(0, method.IsClientStreaming ? random.Next(MostMessages) : 1)
            .Select(_ => new RequestForge(known, method, random).Request())
            .ToArray();
        // Only a heartbeat stream with a valid start gets further than its first message.
        if (method.Name == nameof(UserService.UserServiceClient.StreamHeartbeats) && random.Next(5) > 0)
            messages = [Start.ToByteArray(), .. messages];
        return new HostileRequest(number, method, messages);
    }

    /// <summary>Returns what is needed to send the case again.</summary>
    public override string ToString() => $"case {Number}, {Method.FullName} [{string.Join(", ", Messages.Select(Show))}]";

    private static string Show(byte[] bytes) => bytes.Length <= ShownBytes
        ? Convert.ToHexStringLower(bytes)
        : $"{Convert.ToHexStringLower(bytes.AsSpan(0, ShownBytes))}… ({bytes.Length} bytes)";
}
