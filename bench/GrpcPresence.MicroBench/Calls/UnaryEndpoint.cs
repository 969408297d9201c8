using System.IO.Pipelines;
using Google.Protobuf;
using Grpc.AspNetCore.Server;
using Grpc.Core;
using GrpcPresence.Server.Errors;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;

namespace GrpcPresence.MicroBench.Calls;

internal sealed class UnaryEndpoint : IDisposable
{
    private static readonly byte[] Message = Frame(new V1.HeartbeatRequest { ServiceSid = "IS", UserKey = "alice", SessionId = "s1" });

    private readonly WebApplication _app;
    private readonly IServiceScopeFactory _scopes;
    private readonly RequestDelegate _serve;

    /// <summary>Maps the definition.</summary>
    public UnaryEndpoint(Action<GrpcServiceOptions> configure, Func<IServiceProvider, ServerServiceDefinition> define)
    {
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore(); // an application needs a server; this one is never started
        builder.Services.AddRouting();
        builder.Services.AddGrpc(configure);
        builder.Services.AddSingleton<ErrorMapper>();
        builder.Services.AddSingleton<ErrorInterceptor>();
        _app = builder.Build();
        _app.MapGrpcService(define);
        _scopes = _app.Services.GetRequiredService<IServiceScopeFactory>();
        _serve = ((IEndpointRouteBuilder)_app).DataSources.SelectMany(source => source.Endpoints).OfType<RouteEndpoint>()
            .Single(endpoint => endpoint.RoutePattern.RawText == "/presence.v1.UserService/Heartbeat").RequestDelegate!;
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
        await _serve(http);
        await response.EndAsync();
        // Not in a trailer, because this response never starts.
        if (response.Headers["grpc-status"] != "0")
            throw new InvalidOperationException($"The call failed with the status {response.Headers["grpc-status"]}.");
    }

    /// <inheritdoc/>
    public void Dispose() => ((IDisposable)_app).Dispose();

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
