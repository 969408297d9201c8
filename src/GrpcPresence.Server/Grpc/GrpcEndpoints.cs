using Google.Protobuf.Reflection;
using Grpc.Core;
using GrpcPresence.Server.Streams;
using HealthService = Grpc.Health.V1.Health;
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
        HealthService.Descriptor,
        global::Grpc.Reflection.V1.ServerReflection.Descriptor,
        global::Grpc.Reflection.V1Alpha.ServerReflection.Descriptor,
    ];

    /// <summary>Their full names, in alphabetical order.</summary>
    public static readonly IReadOnlyList<string> Names = [.. All.Select(service => service.FullName).Order(StringComparer.Ordinal)];

    /// <summary>
    /// The files that clients may ask reflection for: those of the services, and those of the error details, which no service refers to.
    /// </summary>
    public static readonly IReadOnlyCollection<FileDescriptor> Files =
        [.. All.Select(service => service.File), Google.Rpc.ErrorDetailsReflection.Descriptor, Google.Rpc.StatusReflection.Descriptor];

    // The hub of watches and the statuses of health have a last message to send when the server stops.
    private static readonly HashSet<string> SelfDraining =
    [
        $"/{V1.UserService.Descriptor.FullName}/WatchUsers",
        $"/{HealthService.Descriptor.FullName}/Watch",
    ];

    /// <summary>What the shutdown has to know of the method; null for a unary one.</summary>
    public static StreamMetadata? StreamOf(IMethod method) =>
        method.Type == MethodType.Unary ? null : new StreamMetadata(SelfDraining.Contains(method.FullName));
}
