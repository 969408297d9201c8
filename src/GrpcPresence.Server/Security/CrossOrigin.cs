using GrpcPresence.Server.Settings;
using Microsoft.AspNetCore.Cors.Infrastructure;
using Microsoft.Net.Http.Headers;

namespace GrpcPresence.Server.Security;

/// <summary>
/// Lets pages of other origins call REST and gRPC-Web, where the settings name them. It stands before everything that refuses: what a
/// browser asks first
/// carries no credentials, and a refusal without these headers would be hidden from the page.
/// </summary>
internal static class CrossOrigin
{
    // What clients of gRPC-Web send and read. An error that comes before any message has its status and details among the headers.
    private static readonly string[] GrpcRequestHeaders = ["X-Grpc-Web", "X-User-Agent", "Grpc-Timeout"];
    private static readonly string[] GrpcResponseHeaders =
        ["Grpc-Status", "Grpc-Message", "Grpc-Encoding", "Grpc-Accept-Encoding", "grpc-status-details-bin"];

    // A browser does not ask again before each call; no browser that matters forgets it earlier.
    private static readonly TimeSpan PreflightAge = TimeSpan.FromMinutes(10);

    /// <summary>Adds what it needs.</summary>
    public static IServiceCollection AddCrossOrigin(this IServiceCollection services) => services.AddCors();

    /// <summary>Allows the origins that the settings name, if any.</summary>
    /// <param name="app">The server.</param>
    /// <param name="restHeaders">The request headers that REST declares.</param>
    public static void UseCrossOrigin(this WebApplication app, IReadOnlyCollection<string> restHeaders)
    {
        if (app.Services.GetRequiredService<ServerSettings>().AllowedOrigins is { } allowed)
            app.UseCors(policy => Allow(policy, allowed, restHeaders));
    }

    /// <summary>
    /// Whether a page that the settings do not name asks for a change. A browser asks nobody before it posts a form, and hides the answer
    /// alone: where callers
    /// need no credentials, or the browser remembers a password, every page that its user opens could change everything. The server has
    /// no pages of its own: an origin that equals its host is that of a page whose name was made to lead here.
    /// </summary>
    public static bool IsForeignChange(HttpRequest request, AllowedOrigins? allowed) =>
        request.Headers.TryGetValue(HeaderNames.Origin, out var origin)
        && !HttpMethods.IsGet(request.Method) && !HttpMethods.IsHead(request.Method) && !HttpMethods.IsOptions(request.Method)
        && allowed?.Include(origin.ToString()) != true;

    private static void Allow(CorsPolicyBuilder policy, AllowedOrigins allowed, IReadOnlyCollection<string> restHeaders)
    {
        policy = allowed.AreAny ? policy.AllowAnyOrigin() : policy.WithOrigins([.. allowed.Names]);
        policy.WithMethods(HttpMethods.Get, HttpMethods.Post, HttpMethods.Delete)
            .WithHeaders([HeaderNames.Authorization, HeaderNames.ContentType, .. restHeaders, .. GrpcRequestHeaders])
            .WithExposedHeaders([HeaderNames.RetryAfter, .. GrpcResponseHeaders])
            .SetPreflightMaxAge(PreflightAge);
    }
}
