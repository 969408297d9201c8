using System.IO.Pipelines;
using Google.Protobuf;
using Grpc.AspNetCore.Server;
using Grpc.Core;
using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Storage.Batches;
using GrpcPresence.Core.Tenants;
using GrpcPresence.Server.Composition;
using GrpcPresence.Server.Errors;
using GrpcPresence.Server.Grpc.Pipeline;
using GrpcPresence.Server.Security.Authentication;
using GrpcPresence.Server.Security.Authorization;
using GrpcPresence.Server.Security.Quotas;
using GrpcPresence.Server.Settings;
using GrpcPresence.Server.Streams;
using GrpcPresence.Server.Streams.Requests;
using GrpcPresence.Testing;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;

namespace GrpcPresence.MicroBench.Calls;

internal sealed class UnaryEndpoint : IDisposable
{
    private const string Method = "/presence.v1.UserService/Heartbeat";

    private static readonly ServiceSid Service = new(1);
    private static readonly byte[] Message = Frame(
        new V1.HeartbeatRequest { ServiceSid = Service.ToString(), UserKey = "alice", SessionId = "s1" });

    private static readonly Type[] Steps =
    [
        typeof(ErrorMapper), typeof(ErrorInterceptor), typeof(MethodPipeline), typeof(Account), typeof(SecretFile),
        typeof(AccessTokenVerifier), typeof(FailedAuthentications), typeof(Authenticator), typeof(Authorizer), typeof(CallQuotas),
        typeof(ActiveStreams), typeof(OpenRequests), typeof(AnonymousRequests), typeof(UnreadResponses), typeof(OpenCalls),
        typeof(InflationQuota),
    ];

    private readonly WebApplication _app;
    private readonly IServiceScopeFactory _scopes;
    private readonly RouteEndpoint _endpoint;
    private readonly RequestDelegate _serve;

    /// <summary>
    /// Maps the definition. Each call is authenticated first if <paramref name="authenticates"/>; its caller is anonymous.
    /// </summary>
    public UnaryEndpoint(
        Action<GrpcServiceOptions> configure, Func<IServiceProvider, ServerServiceDefinition> define, bool authenticates = false)
    {
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore(); // an application needs a server; this one is never started
        builder.Services.AddRouting();
        builder.Services.AddGrpc(configure);
        builder.Services.AddSingleton(Unlimited());
        builder.Services.AddPresenceCore();
        builder.Services.AddSingleton<IPresenceStore>(new InMemoryPresenceStore());
        foreach (var service in Steps)
            builder.Services.AddSingleton(service);
        _app = builder.Build();
        _app.MapGrpcService(define).Add(endpoint => endpoint.Metadata.Add(AuthorizationTable.Find(Method)!));
        _scopes = _app.Services.GetRequiredService<IServiceScopeFactory>();
        _endpoint = ((IEndpointRouteBuilder)_app).DataSources.SelectMany(source => source.Endpoints).OfType<RouteEndpoint>()
            .Single(endpoint => endpoint.RoutePattern.RawText == Method);
        _serve = _endpoint.RequestDelegate!;
        var services = _app.Services.GetRequiredService<ServiceCache>();
        var record = new ServiceRecord
        {
            Id = 1,
            Sid = Service,
            FriendlyName = "",
            CreateTime = default,
            UpdateTime = default,
            Configuration = new(),
        };
        services.Apply(record, services.Generation);
        if (authenticates)
            _serve = new CallEndpoint(_serve, AuthorizationTable.Find(Method), streamsRequests: false, _app.Services).InvokeAsync;
    }

    /// <summary>Makes one call.</summary>
    public async Task CallAsync()
    {
        var response = new UnreadResponse();
        var features = new FeatureCollection();
        features.Set<IHttpRequestFeature>(new HttpRequestFeature { Method = HttpMethods.Post, Protocol = HttpProtocol.Http2 });
        features.Set<IHttpResponseFeature>(response);
        features.Set<IHttpResponseBodyFeature>(new StreamResponseBodyFeature(Stream.Null));
        features.Set<IRequestBodyPipeFeature>(new RequestInMemory());
        var http = new DefaultHttpContext(features) { ServiceScopeFactory = _scopes };
        http.Request.ContentType = "application/grpc";
        http.SetEndpoint(_endpoint);
        await _serve(http);
        await response.EndAsync();
        // Not in a trailer, because this response never starts.
        if (response.Headers["grpc-status"] != "0")
            throw new InvalidOperationException($"The call failed with the status {response.Headers["grpc-status"]}.");
    }

    /// <inheritdoc/>
    public void Dispose() => ((IDisposable)_app).Dispose();

    /// <summary>Settings whose quotas no benchmark reaches.</summary>
    private static ServerSettings Unlimited()
    {
        var quotas = new QuotaSettings();
        return new ServerSettings
        {
            Quotas = quotas with { ServiceInstance = quotas.ServiceInstance with { HeartbeatsPerSecond = int.MaxValue } },
        };
    }

    private static byte[] Frame(IMessage message)
    {
        var bytes = message.ToByteArray();
        return [0, 0, 0, 0, checked((byte)bytes.Length), .. bytes];
    }

    private sealed class RequestInMemory : IRequestBodyPipeFeature
    {
        public PipeReader Reader { get; } = PipeReader.Create(new(Message));
    }

    /// <summary>Disposes at the end of the call of what was registered for it, as servers do. This includes the service scope.</summary>
    private sealed class UnreadResponse : HttpResponseFeature
    {
        private Func<object, Task>? _callback;
        private object? _state;

        public override void OnCompleted(Func<object, Task> callback, object state) => (_callback, _state) = (callback, state);

        public Task EndAsync() => _callback?.Invoke(_state!) ?? Task.CompletedTask;
    }
}
