using BenchmarkDotNet.Attributes;
using Grpc.AspNetCore.Server;
using Grpc.Core;
using GrpcPresence.Server.Grpc.Pipeline;
using GrpcPresence.Server.Security.Authorization;
using Microsoft.Extensions.DependencyInjection;

namespace GrpcPresence.MicroBench.Calls;

/// <summary>
/// The cost of the steps around every call, bound with the methods or as an interceptor: docs/adr/0008-call-pipeline.md. The row of a
/// public method leaves the decode guard and the mapping of errors; that of <c>Heartbeat</c> adds authentication, authorization and quotas.
/// The handler does nothing.
/// </summary>
public class CallPipelineBenchmarks : IDisposable
{
    private const string Heartbeat = "/presence.v1.UserService/Heartbeat";

    private UnaryEndpoint _bare = null!;
    private UnaryEndpoint _public = null!;
    private UnaryEndpoint _heartbeat = null!;
    private UnaryEndpoint _intercepted = null!;

    /// <summary>Maps the service four times.</summary>
    [GlobalSetup]
    public void Setup()
    {
        _bare = new UnaryEndpoint(NoOptions, _ => V1.UserService.BindService(new IdleUsers()));
        _public = new UnaryEndpoint(NoOptions, services => Define(services, new AccessRule<V1.HeartbeatRequest>(Heartbeat)));
        _heartbeat = new UnaryEndpoint(
            NoOptions, services => Define(services, AuthorizationTable.Get<V1.HeartbeatRequest>(Heartbeat)), authenticates: true);
        _intercepted = new UnaryEndpoint(
            grpc => grpc.Interceptors.Add<ErrorInterceptor>(), _ => V1.UserService.BindService(new IdleUsers()));
    }

    /// <summary>The handler alone.</summary>
    [Benchmark(Baseline = true, Description = "no step")]
    public Task Bare() => _bare.CallAsync();

    /// <summary>The decode guard and the mapping of errors.</summary>
    [Benchmark(Description = "pipeline, public row")]
    public Task PublicRow() => _public.CallAsync();

    /// <summary>All steps.</summary>
    [Benchmark(Description = "pipeline, row of Heartbeat")]
    public Task HeartbeatRow() => _heartbeat.CallAsync();

    /// <summary>The mapping of errors as an interceptor.</summary>
    [Benchmark(Description = "Interceptor")]
    public Task Intercepted() => _intercepted.CallAsync();

    /// <inheritdoc/>
    [GlobalCleanup]
    public void Dispose()
    {
        _bare?.Dispose();
        _public?.Dispose();
        _heartbeat?.Dispose();
        _intercepted?.Dispose();
        GC.SuppressFinalize(this);
    }

    private static void NoOptions(GrpcServiceOptions options)
    {
    }

    private static ServerServiceDefinition Define(IServiceProvider services, AccessRule<V1.HeartbeatRequest> rule)
    {
        var binder = new RowBinder(services.GetRequiredService<MethodPipeline>(), rule);
        V1.UserService.BindService(binder, new IdleUsers());
        return binder.Definition.Build();
    }

    private sealed class IdleUsers : V1.UserService.UserServiceBase
    {
        private static readonly Task<V1.HeartbeatResponse> Reply = Task.FromResult(new V1.HeartbeatResponse());

        public override Task<V1.HeartbeatResponse> Heartbeat(V1.HeartbeatRequest request, ServerCallContext context) => Reply;
    }

    /// <summary>Binds <c>Heartbeat</c> as the server does, but with a row of the benchmark's own.</summary>
    private sealed class RowBinder(MethodPipeline pipeline, object row) : ServiceBinderBase
    {
        public ServerServiceDefinition.Builder Definition { get; } = ServerServiceDefinition.CreateBuilder();

        public override void AddMethod<TRequest, TResponse>(
            Method<TRequest, TResponse> method, UnaryServerMethod<TRequest, TResponse>? handler)
        {
            if (row is AccessRule<TRequest> rule)
            {
                Definition.AddMethod(
                    DecodeGuard.Guard(method), (request, context) => pipeline.RunUnaryAsync(rule, handler!, request, context));
            }
        }

        public override void AddMethod<TRequest, TResponse>(
            Method<TRequest, TResponse> method, ServerStreamingServerMethod<TRequest, TResponse>? handler)
        {
        }

        public override void AddMethod<TRequest, TResponse>(
            Method<TRequest, TResponse> method, DuplexStreamingServerMethod<TRequest, TResponse>? handler)
        {
        }
    }
}
