using GrpcPresence.Server.Settings;
using Microsoft.AspNetCore.Cors.Infrastructure;
using Microsoft.Net.Http.Headers;

namespace GrpcPresence.Server.Security;

/// <summary>
/// Lets pages of the origins that the settings name call REST and gRPC-Web. It runs before everything that rejects requests: a preflight
/// request has no credentials, and browsers hide an error without these headers from the page.
/// </summary>
internal static class CrossOrigin
{
    // Headers that gRPC-Web clients send and read. An error before the first message has its status and details in the headers.
    private static readonly string[] GrpcRequestHeaders = ["X-Grpc-Web", "X-User-Agent", "Grpc-Timeout"];
    private static readonly string[] GrpcResponseHeaders =
        ["Grpc-Status", "Grpc-Message", "Grpc-Encoding", "Grpc-Accept-Encoding", "grpc-status-details-bin"];

    // Headers that common libraries for events and requests add to every request. They have no effect here.
    private static readonly string[] HabitualHeaders = [HeaderNames.CacheControl, HeaderNames.Pragma, HeaderNames.XRequestedWith];

    // Saves a preflight before each call. The major browsers keep the result at least this long.
    private static readonly TimeSpan PreflightAge = TimeSpan.FromMinutes(10);

    /// <summary>Adds the services for cross-origin requests.</summary>
    public static IServiceCollection AddCrossOrigin(this IServiceCollection services) => services.AddCors();

    /// <summary>Allows the origins that the settings name, if any.</summary>
    /// <param name="app">The application.</param>
    /// <param name="restHeaders">The request headers that REST declares.</param>
    public static void UseCrossOrigin(this WebApplication app, IReadOnlyCollection<string> restHeaders)
    {
        if (app.Services.GetRequiredService<ServerSettings>().AllowedOrigins is { } allowed)
            app.UseCors(policy => Allow(policy, allowed, restHeaders));
    }

    /// <summary>
    /// Whether a page whose origin the settings do not name requests a change. A browser posts a form without a preflight and only hides
    /// the response. Where callers need no credentials, or the browser remembers a password, any page that the user opens could change
    /// everything. The server has no pages of its own. An origin that equals its host is therefore a page whose name was made to resolve to
    /// this server.
    /// </summary>
    public static bool IsForeignChange(HttpRequest request, AllowedOrigins? allowed) =>
        request.Headers.TryGetValue(HeaderNames.Origin, out var origin)
        && !HttpMethods.IsGet(request.Method) && !HttpMethods.IsHead(request.Method) && !HttpMethods.IsOptions(request.Method)
        && allowed?.Include(origin.ToString()) != true;

    private static void Allow(CorsPolicyBuilder policy, AllowedOrigins allowed, IReadOnlyCollection<string> restHeaders)
    {
        policy = allowed.AreAny ? policy.AllowAnyOrigin() : policy.SetIsOriginAllowed(allowed.Include);
        policy.WithMethods(HttpMethods.Get, HttpMethods.Post, HttpMethods.Delete)
            .WithHeaders([HeaderNames.Authorization, HeaderNames.ContentType, .. restHeaders, .. GrpcRequestHeaders, .. HabitualHeaders])
            .WithExposedHeaders([HeaderNames.RetryAfter, .. GrpcResponseHeaders])
            .SetPreflightMaxAge(PreflightAge);
    }
}
