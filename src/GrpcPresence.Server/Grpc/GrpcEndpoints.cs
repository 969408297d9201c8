using Google.Protobuf.Reflection;
using GrpcPresence.Server.Rest.Events;
using ServiceDescriptor = Google.Protobuf.Reflection.ServiceDescriptor;

namespace GrpcPresence.Server.Grpc;

/// <summary>The services that this server offers.</summary>
internal static class GrpcEndpoints
{
    /// <summary>Their descriptors.</summary>
    public static readonly IReadOnlyList<ServiceDescriptor> All =
    [
        V1.ConfigurationService.Descriptor,
        V1.UserService.Descriptor,
        V1.ApiKeyService.Descriptor,
        global::Grpc.Health.V1.Health.Descriptor,
        global::Grpc.Reflection.V1.ServerReflection.Descriptor,
        global::Grpc.Reflection.V1Alpha.ServerReflection.Descriptor,
    ];

    /// <summary>Their full names, in alphabetical order.</summary>
    public static readonly IReadOnlyList<string> Names = [.. All.Select(service => service.FullName).Order(StringComparer.Ordinal)];

    /// <summary>The files that clients may ask reflection for: those of the services, and those of the error details, which no service refers to.</summary>
    public static readonly IReadOnlyCollection<FileDescriptor> Files =
        [.. All.Select(service => service.File), Google.Rpc.ErrorDetailsReflection.Descriptor, Google.Rpc.StatusReflection.Descriptor];

    // In any case of letters, as routing has it.
    private static readonly HashSet<string> Streaming = All
        .SelectMany(service => service.Methods)
        .Where(method => method.IsClientStreaming || method.IsServerStreaming)
        .Select(PathOf)
        .ToHashSet(StringComparer.OrdinalIgnoreCase);

    // A watch is told of the drain by its hub, and a health watch by its board: both have a last message to send.
    private static readonly HashSet<string> SelfDraining = new(StringComparer.OrdinalIgnoreCase)
    {
        PathOf(Method(V1.UserService.Descriptor, "WatchUsers")),
        PathOf(Method(global::Grpc.Health.V1.Health.Descriptor, "Watch")),
    };

    /// <summary>Whether the path is that of a streaming method.</summary>
    public static bool IsStreaming(string path) => Streaming.Contains(path) || UpdatesEndpoint.Serves(path);

    /// <summary>Whether the streams of the method notice by themselves that the server stops.</summary>
    public static bool DrainsItself(string path) => SelfDraining.Contains(path) || UpdatesEndpoint.Serves(path);

    private static MethodDescriptor Method(ServiceDescriptor service, string name) => service.Methods.Single(method => method.Name == name);

    private static string PathOf(MethodDescriptor method) => $"/{method.Service.FullName}/{method.Name}";
}
