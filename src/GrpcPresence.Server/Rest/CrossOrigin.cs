using GrpcPresence.Server.Rest.Endpoints;
using GrpcPresence.Server.Rest.Updates;
using GrpcPresence.Server.Settings;
using Microsoft.AspNetCore.Cors.Infrastructure;
using Microsoft.Net.Http.Headers;

namespace GrpcPresence.Server.Rest;

/// <summary>
/// Lets pages of other origins call the REST interface, where the settings name them. It stands before everything that refuses: what a browser asks first
/// carries no credentials, and a refusal without these headers would be hidden from the page.
/// </summary>
internal static class CrossOrigin
{
    private static readonly PathString Root = "/v1";

    // A browser does not ask again before each call; no browser that matters forgets it earlier.
    private static readonly TimeSpan PreflightAge = TimeSpan.FromMinutes(10);

    /// <summary>Adds what it needs.</summary>
    public static IServiceCollection AddCrossOrigin(this IServiceCollection services) => services.AddCors();

    /// <summary>Lets the origins of the settings in; nothing where they name none.</summary>
    public static void UseCrossOrigin(this WebApplication app)
    {
        if (app.Services.GetRequiredService<ServerSettings>().AllowedOrigins is { } allowed)
            app.UseWhen(http => http.Request.Path.StartsWithSegments(Root), rest => rest.UseCors(policy => Allow(policy, allowed)));
    }

    private static void Allow(CorsPolicyBuilder policy, AllowedOrigins allowed)
    {
        policy = allowed.AreAny ? policy.AllowAnyOrigin() : policy.WithOrigins([.. allowed.Names]);
        policy.WithMethods(HttpMethods.Get, HttpMethods.Post, HttpMethods.Delete)
            .WithHeaders(HeaderNames.Authorization, HeaderNames.ContentType, UpdatesEndpoint.LastEventId, UserEndpoints.WebhookEnabled)
            .WithExposedHeaders(HeaderNames.RetryAfter)
            .SetPreflightMaxAge(PreflightAge);
    }
}
