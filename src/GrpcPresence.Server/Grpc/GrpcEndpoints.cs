using Google.Protobuf.Reflection;
using Grpc.Core;
using GrpcPresence.Server.Streams;
using HealthService = Grpc.Health.V1.Health;
using ServiceDescriptor = Google.Protobuf.Reflection.ServiceDescriptor;

namespace GrpcPresence.Server.Grpc;

/// <summary>Lists the gRPC services of this server.</summary>
internal static class GrpcEndpoints
{
    /// <summary>The descriptors of the services.</summary>
    public static readonly IReadOnlyList<ServiceDescriptor> All =
    [
        V1.ConfigurationService.Descriptor,
        V1.UserService.Descriptor,
        V1.ApiKeyService.Descriptor,
        HealthService.Descriptor,
        global::Grpc.Reflection.V1.ServerReflection.Descriptor,
        global::Grpc.Reflection.V1Alpha.ServerReflection.Descriptor,
    ];

    /// <summary>The full names of the services, in alphabetical order.</summary>
    public static readonly IReadOnlyList<string> Names = [.. All.Select(service => service.FullName).Order(StringComparer.Ordinal)];

    /// <summary>
    /// The files that reflection serves: those of the services, and those of the error details, which no service refers to.
    /// </summary>
    public static readonly IReadOnlyCollection<FileDescriptor> Files =
        [.. All.Select(service => service.File), Google.Rpc.ErrorDetailsReflection.Descriptor, Google.Rpc.StatusReflection.Descriptor];

    // WatchHub and HealthStatuses send a last message on their streams when the server stops.
    private static readonly HashSet<string> SelfDraining =
    [
        $"/{V1.UserService.Descriptor.FullName}/WatchUsers",
        $"/{HealthService.Descriptor.FullName}/Watch",
    ];

    /// <summary>Returns what the shutdown needs to know about the method, or null for a unary method.</summary>
    public static StreamMetadata? StreamOf(IMethod method) =>
        method.Type == MethodType.Unary ? null : new StreamMetadata(SelfDraining.Contains(method.FullName));
}
