using GrpcPresence.Server.Rest.Http;
using Microsoft.AspNetCore.OpenApi;
using Microsoft.OpenApi;

namespace GrpcPresence.Server.Rest.OpenApi;

/// <summary>The OpenAPI document of the REST interface, made of what is mapped.</summary>
internal static class RestDocument
{
    private const string Name = "v1";
    private const string Path = "/openapi/" + Name + ".json";
    private const string MediaType = "application/json; charset=utf-8";
    private const string Basic = "basic";
    private const string Bearer = "bearer";

    /// <summary>Adds what makes it.</summary>
    public static void AddRestDocument(this IServiceCollection services)
    {
        services.ConfigureHttpJsonOptions(json => json.SerializerOptions.PropertyNamingPolicy = RestJson.Options.PropertyNamingPolicy);
        services.AddOpenApi(Name, options =>
        {
            // Paths of gRPC are endpoints too, and are described by their protos.
            options.ShouldInclude = description => description.ActionDescriptor.EndpointMetadata.OfType<RestOperation>().Any();
            options.AddDocumentTransformer(DescribeAsync);
            options.AddOperationTransformer(RestDocumentOperations.DescribeAsync);
        });
    }

    /// <summary>
    /// Serves it to everybody. It is made once: making it takes as long as dozens of calls, and who asks for it needs no credentials and has no quota.
    /// </summary>
    public static void MapRestDocument(this WebApplication app)
    {
        var made = new Lazy<Task<string>>(() => MakeAsync(app.Services));
        app.MapGet(Path, async http =>
        {
            http.Response.ContentType = MediaType;
            await http.Response.WriteAsync(await made.Value, http.RequestAborted);
        });
    }

    // For whoever asks first, and for all: it does not end with a request.
    private static async Task<string> MakeAsync(IServiceProvider services)
    {
        var document = await services.GetRequiredKeyedService<IOpenApiDocumentProvider>(Name).GetOpenApiDocumentAsync(CancellationToken.None);
        return await document.SerializeAsJsonAsync(OpenApiSpecVersion.OpenApi3_1, CancellationToken.None);
    }

    private static Task DescribeAsync(OpenApiDocument document, OpenApiDocumentTransformerContext context, CancellationToken cancellationToken)
    {
        document.Info = new OpenApiInfo
        {
            Title = "GrpcPresence",
            Version = Name,
            Description = "Service instances, users with their reachability, push bindings, and who is told of changes.",
        };
        // The server is where the document was fetched; a URL of its own would be that of one of many names.
        document.Servers = [];
        document.Components ??= new OpenApiComponents();
        document.Components.SecuritySchemes = new Dictionary<string, IOpenApiSecurityScheme>
        {
            [Basic] = new OpenApiSecurityScheme
            {
                Type = SecuritySchemeType.Http,
                Scheme = Basic,
                Description = "The account's SID and token, or an API key's SID and secret.",
            },
            [Bearer] = new OpenApiSecurityScheme { Type = SecuritySchemeType.Http, Scheme = Bearer, Description = "An access token of an end user." },
        };
        document.Security = [Requirement(Basic, document), Requirement(Bearer, document)];
        return Task.CompletedTask;
    }

    private static OpenApiSecurityRequirement Requirement(string scheme, OpenApiDocument document) =>
        new() { [new OpenApiSecuritySchemeReference(scheme, document)] = [] };
}
