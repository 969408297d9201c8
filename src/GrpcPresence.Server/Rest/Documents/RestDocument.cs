using Microsoft.AspNetCore.OpenApi;
using Microsoft.OpenApi;

namespace GrpcPresence.Server.Rest.Documents;

/// <summary>The OpenAPI document of the REST interface, made of what is mapped.</summary>
internal static class RestDocument
{
    private const string Path = "/openapi/{documentName}.json";
    private const string Name = "v1";
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

    /// <summary>Serves it.</summary>
    public static void MapRestDocument(this WebApplication app) => app.MapOpenApi(Path);

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
