using GrpcPresence.Server.Rest.OpenApi;
using Microsoft.AspNetCore.Routing;

namespace GrpcPresence.Server.Tests.Rest;

/// <summary>Compares the OpenAPI document with the operations that are served.</summary>
public sealed class DocumentTests : IAsyncLifetime
{
    private RestServer _rest = null!;
    private RestReply _document = null!;

    public async ValueTask InitializeAsync()
    {
        _rest = await RestServer.StartAsync();
        _document = await _rest.GetAsync("/openapi/v1.json");
    }

    public ValueTask DisposeAsync() => _rest.DisposeAsync();

    [Fact]
    public void Every_route_is_documented_and_nothing_else()
    {
        var served = Endpoints().Select(endpoint => (
            endpoint.RoutePattern.RawText!,
            endpoint.Metadata.GetRequiredMetadata<HttpMethodMetadata>().HttpMethods.Single().ToUpperInvariant()));
        var documented =
            from path in _document.At("paths").EnumerateObject()
            from method in path.Value.EnumerateObject()
            select (path.Name, method.Name.ToUpperInvariant());

        Assert.Equal(served.Order(), documented.Order());
        Assert.NotEmpty(documented);
    }

    [Fact]
    public void Every_parameter_that_a_handler_may_read_is_documented_where_it_stands()
    {
        foreach (var endpoint in Endpoints())
        {
            var operation = endpoint.Metadata.GetRequiredMetadata<RestOperation>();
            var method = endpoint.Metadata.GetRequiredMetadata<HttpMethodMetadata>().HttpMethods.Single();
            var described = _document.At("paths", endpoint.RoutePattern.RawText!, method.ToLowerInvariant());

            Assert.Equal(operation.Id, described.GetProperty("operationId").GetString());
            Assert.True(described.GetProperty("responses").TryGetProperty($"{operation.Status}", out _), operation.Id);
            var parameters = described.TryGetProperty("parameters", out var list)
                ? list.EnumerateArray().Select(parameter =>
                    $"{parameter.GetProperty("in").GetString()} {parameter.GetProperty("name").GetString()}")
                : [];
            var fields = described.TryGetProperty("requestBody", out var body)
                ? body.GetProperty("content").GetProperty("application/x-www-form-urlencoded").GetProperty("schema")
                    .GetProperty("properties")
                    .EnumerateObject().Select(property => $"form {property.Name}")
                : [];
            Assert.Equal(
                operation.Parameters.Select(parameter => $"{parameter.Place.ToString().ToLowerInvariant()} {parameter.Name}").Order(),
                parameters.Concat(fields).Order());
            // An undeclared part of the path could not be read.
            Assert.Equal(
                endpoint.RoutePattern.Parameters.Select(part => part.Name).Order(),
                operation.Parameters
                    .Where(parameter => parameter.Place == RestParameterLocation.Path)
                    .Select(parameter => parameter.Name)
                    .Order());
        }
    }

    [Fact]
    public void Operations_have_names_of_their_own()
    {
        var names = Endpoints().Select(endpoint => endpoint.Metadata.GetRequiredMetadata<RestOperation>().Id).ToList();

        Assert.Equal(names.Distinct(), names);
    }

    [Fact]
    public void Resources_are_described_in_the_case_in_which_they_are_written()
    {
        var schema = _document.At("components", "schemas", "UserResource", "properties");

        Assert.True(schema.TryGetProperty("is_online", out _));
        Assert.True(schema.TryGetProperty("chat_service_sid", out _));
    }

    private IEnumerable<RouteEndpoint> Endpoints() => _rest.Server.Get<EndpointDataSource>().Endpoints
        .OfType<RouteEndpoint>().Where(endpoint => endpoint.Metadata.GetMetadata<RestOperation>() is not null);
}
