using GrpcPresence.Server.Rest.Errors;
using GrpcPresence.Server.Rest.Http;
using Microsoft.AspNetCore.OpenApi;
using Microsoft.OpenApi;

namespace GrpcPresence.Server.Rest.OpenApi;

/// <summary>Describes each operation by the parameters that its handler may read.</summary>
internal static class RestDocumentOperations
{
    /// <summary>Adds the endpoint's own description to the operation.</summary>
    public static async Task DescribeAsync(
        OpenApiOperation described, OpenApiOperationTransformerContext context, CancellationToken cancellationToken)
    {
        var operation = context.Description.ActionDescriptor.EndpointMetadata.OfType<RestOperation>().Single();
        described.OperationId = operation.Id;
        described.Summary = operation.Summary;
        described.Parameters =
            [.. operation.Parameters.Where(parameter => parameter.Place != RestParameterLocation.Form).Select(ToParameter)];
        var form = operation.Parameters.Where(parameter => parameter.Place == RestParameterLocation.Form).ToList();
        if (form.Count > 0)
            described.RequestBody = ToBody(form);
        described.Responses ??= [];
        described.Responses["default"] = new OpenApiResponse
        {
            Description = "The error, with its code in Twilio Conversations.",
            Content = new Dictionary<string, OpenApiMediaType>
            {
                ["application/json"] = new OpenApiMediaType
                {
                    Schema = await context.GetOrCreateSchemaAsync(typeof(RestErrorBody), parameterDescription: null, cancellationToken),
                },
            },
        };
    }

    private static IOpenApiParameter ToParameter(RestParameter parameter) => new OpenApiParameter
    {
        Name = parameter.Name,
        In = parameter.Place switch
        {
            RestParameterLocation.Path => ParameterLocation.Path,
            RestParameterLocation.Query => ParameterLocation.Query,
            _ => ParameterLocation.Header,
        },
        Required = parameter.IsRequired,
        Description = parameter.Description,
        Schema = SchemaOf(parameter.Type),
        // For repeated names. It is the document's default for queries.
        Explode = parameter.Type == RestParameterType.Texts,
    };

    private static OpenApiRequestBody ToBody(List<RestParameter> form) => new()
    {
        Content = new Dictionary<string, OpenApiMediaType>
        {
            [RestForm.MediaType] = new OpenApiMediaType
            {
                Schema = new OpenApiSchema
                {
                    Type = JsonSchemaType.Object,
                    Properties = form.ToDictionary(parameter => parameter.Name, ToProperty),
                    Required = form.Where(parameter => parameter.IsRequired).Select(parameter => parameter.Name).ToHashSet(),
                },
            },
        },
    };

    private static IOpenApiSchema ToProperty(RestParameter parameter)
    {
        var schema = SchemaOf(parameter.Type);
        schema.Description = parameter.Description;
        return schema;
    }

    private static OpenApiSchema SchemaOf(RestParameterType type) => type switch
    {
        RestParameterType.Flag => new OpenApiSchema { Type = JsonSchemaType.Boolean },
        RestParameterType.Number => new OpenApiSchema { Type = JsonSchemaType.Integer, Minimum = "0" },
        RestParameterType.Texts => new OpenApiSchema
        {
            Type = JsonSchemaType.Array,
            Items = new OpenApiSchema { Type = JsonSchemaType.String },
        },
        _ => new OpenApiSchema { Type = JsonSchemaType.String },
    };
}
