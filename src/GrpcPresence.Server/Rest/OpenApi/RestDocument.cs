using System.Text;
using GrpcPresence.Server.Rest.Http;
using Microsoft.AspNetCore.OpenApi;
using Microsoft.OpenApi;

namespace GrpcPresence.Server.Rest.OpenApi;

/// <summary>The OpenAPI document of the REST interface, generated from the mapped operations.</summary>
internal static class RestDocument
{
    private const string Name = "v1";
    private const string Path = "/openapi/" + Name + ".json";
    private const string MediaType = "application/json; charset=utf-8";
    private const int PartBytes = 4096;
    private const string Basic = "basic";
    private const string Bearer = "bearer";

    /// <summary>Adds the services that generate the document.</summary>
    public static void AddRestDocument(this IServiceCollection services)
    {
        services.ConfigureHttpJsonOptions(json => json.SerializerOptions.PropertyNamingPolicy = RestJson.Options.PropertyNamingPolicy);
        services.AddOpenApi(Name, options =>
        {
            // gRPC methods are endpoints too, but their protos describe them.
            options.ShouldInclude = description => description.ActionDescriptor.EndpointMetadata.OfType<RestOperation>().Any();
            options.AddDocumentTransformer(DescribeAsync);
            options.AddOperationTransformer(RestDocumentOperations.DescribeAsync);
        });
    }

    /// <summary>
    /// Serves the document to everyone. It is generated once, because that takes as long as dozens of calls, and its callers need no
    /// credentials and have no quota. It is written in small parts, so that a client that does not read holds one of them, and not a copy
    /// of the document.
    /// </summary>
    public static void MapRestDocument(this WebApplication app)
    {
        var made = new Lazy<Task<byte[]>>(() => MakeAsync(app.Services));
        app.MapMethods(Path, [HttpMethods.Get, HttpMethods.Head], async http =>
        {
            ReadOnlyMemory<byte> document = await made.Value;
            http.Response.ContentType = MediaType;
            http.Response.ContentLength = document.Length;
            for (; document.Length > 0; document = document[Math.Min(PartBytes, document.Length)..])
                await http.Response.Body.WriteAsync(document[..Math.Min(PartBytes, document.Length)], http.RequestAborted);
        });
    }

    // The first request starts this for all requests, so it must not be cancelled with that request.
    private static async Task<byte[]> MakeAsync(IServiceProvider services)
    {
        var provider = services.GetRequiredKeyedService<IOpenApiDocumentProvider>(Name);
        var document = await provider.GetOpenApiDocumentAsync(CancellationToken.None);
        return Encoding.UTF8.GetBytes(await document.SerializeAsJsonAsync(OpenApiSpecVersion.OpenApi3_1, CancellationToken.None));
    }

    private static Task DescribeAsync(
        OpenApiDocument document, OpenApiDocumentTransformerContext context, CancellationToken cancellationToken)
    {
        document.Info = new OpenApiInfo
        {
            Title = "GrpcPresence",
            Version = Name,
            Description = "Manages service instances, users with their reachability, push bindings, and webhooks.",
        };
        // Without servers, clients use the host from which they fetched the document. The server may have several names.
        document.Servers = [];
        document.Components ??= new OpenApiComponents();
        document.Components.SecuritySchemes = new Dictionary<string, IOpenApiSecurityScheme>
        {
            [Basic] = new OpenApiSecurityScheme
            {
                Type = SecuritySchemeType.Http,
                Scheme = Basic,
                Description = "The SID and auth token of the account, or the SID and secret of an API key.",
            },
            [Bearer] = new OpenApiSecurityScheme
            {
                Type = SecuritySchemeType.Http,
                Scheme = Bearer,
                Description = "An access token of an end user.",
            },
        };
        document.Security = [Requirement(Basic, document), Requirement(Bearer, document)];
        return Task.CompletedTask;
    }

    private static OpenApiSecurityRequirement Requirement(string scheme, OpenApiDocument document) =>
        new() { [new OpenApiSecuritySchemeReference(scheme, document)] = [] };
}
