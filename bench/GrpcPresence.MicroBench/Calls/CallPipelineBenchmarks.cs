using BenchmarkDotNet.Attributes;
using Grpc.AspNetCore.Server;
using Grpc.Core;
using GrpcPresence.Server.Errors;
using GrpcPresence.Server.Grpc.Pipeline;
using Microsoft.Extensions.DependencyInjection;

namespace GrpcPresence.MicroBench.Calls;

/// <summary>
/// What a step around every call costs, bound with the methods or as an interceptor: docs/adr/0008-call-pipeline.md. The step maps errors, and the handler
/// does nothing.
/// </summary>
public class CallPipelineBenchmarks : IDisposable
{
    private UnaryEndpoint _bare = null!;
    private UnaryEndpoint _bound = null!;
    private UnaryEndpoint _intercepted = null!;

    /// <summary>Maps the service three times.</summary>
    [GlobalSetup]
    public void Setup()
    {
        _bare = new UnaryEndpoint(NoOptions, _ => Define(binder => binder));
        _bound = new UnaryEndpoint(
            NoOptions, services => Define(binder => new ErrorBinder(binder, services.GetRequiredService<ErrorMapper>())));
        _intercepted = new UnaryEndpoint(grpc => grpc.Interceptors.Add<ErrorInterceptor>(), _ => Define(binder => binder));
    }

    /// <summary>The handler alone.</summary>
    [Benchmark(Baseline = true, Description = "no step")]
    public Task Bare() => _bare.CallAsync();

    /// <summary>The step is bound with the method.</summary>
    [Benchmark(Description = "ErrorBinder")]
    public Task Bound() => _bound.CallAsync();

    /// <summary>The step is an interceptor.</summary>
    [Benchmark(Description = "Interceptor")]
    public Task Intercepted() => _intercepted.CallAsync();

    /// <inheritdoc/>
    [GlobalCleanup]
    public void Dispose()
    {
        _bare?.Dispose();
        _bound?.Dispose();
        _intercepted?.Dispose();
        GC.SuppressFinalize(this);
    }

    private static void NoOptions(GrpcServiceOptions options)
    {
    }

    private static ServerServiceDefinition Define(Func<ServiceBinderBase, ServiceBinderBase> wrap) =>
        DefinitionBinder.Define(binder => V1.UserService.BindService(wrap(binder), new IdleUsers()));

    private sealed class IdleUsers : V1.UserService.UserServiceBase
    {
        private static readonly Task<V1.HeartbeatResponse> Reply = Task.FromResult(new V1.HeartbeatResponse());

        public override Task<V1.HeartbeatResponse> Heartbeat(V1.HeartbeatRequest request, ServerCallContext context) => Reply;
    }
}
