using Grpc.Core;

namespace GrpcPresence.Compat.Tests;

/// <summary>What a test wants to happen inside the service.</summary>
internal sealed class EchoBehaviour
{
    /// <summary>Runs before the service reads or answers.</summary>
    public Func<ServerCallContext, Task> OnCall { get; set; } = _ => Task.CompletedTask;

    /// <summary>Runs after the last response of a streaming method.</summary>
    public Func<ServerCallContext, Task> AfterResponses { get; set; } = _ => Task.CompletedTask;
}
