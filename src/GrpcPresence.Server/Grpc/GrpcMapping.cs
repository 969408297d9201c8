using Grpc.Core;
using GrpcPresence.Server.Errors;
using GrpcPresence.Server.Grpc.Pipeline;
using GrpcPresence.Server.Security.Authorization;
using GrpcPresence.Server.Security.Quotas;
using GrpcPresence.Server.Streams;

namespace GrpcPresence.Server.Grpc;

/// <summary>How a gRPC service is offered: one object serves all calls, only whom the table of authorization lets in, and errors and undecodable messages are answered as the contract says.</summary>
internal static class GrpcMapping
{
    /// <summary>Offers what <paramref name="bind"/> binds: a call of a generated <c>BindService</c>.</summary>
    public static void MapService(this WebApplication app, Action<ServiceBinderBase> bind)
    {
        var errors = app.Services.GetRequiredService<ErrorMapper>();
        var gate = app.Services.GetRequiredService<Authorizer>();
        var quotas = app.Services.GetRequiredService<CallQuotas>();
        var calls = app.Services.GetRequiredService<OpenCalls>();
        var definition = DefinitionBinder.Define(binder => bind(new AccessBinder(new ErrorBinder(binder, errors), gate, quotas, calls)));
        app.MapGrpcService(_ => definition);
    }

    /// <summary>Offers what <paramref name="bind"/> binds to the service of the type.</summary>
    public static void MapService<TService>(this WebApplication app, Action<ServiceBinderBase, TService> bind)
        where TService : class =>
        app.MapService(binder => bind(binder, app.Services.GetRequiredService<TService>()));
}
