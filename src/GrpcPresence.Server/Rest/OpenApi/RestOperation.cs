using GrpcPresence.Core.Domain;

namespace GrpcPresence.Server.Rest.OpenApi;

/// <summary>An operation of the REST interface. One declaration both serves and documents it.</summary>
/// <param name="Id">The unique name of the operation.</param>
/// <param name="Summary">One sentence for people.</param>
/// <param name="Status">The HTTP status of success.</param>
/// <param name="Parameters">The parameters. A handler cannot read a parameter that is not declared here.</param>
internal sealed record RestOperation(string Id, string Summary, int Status, IReadOnlyList<RestParameter> Parameters)
{
    /// <summary>The media type of the response.</summary>
    public string Produces { get; init; } = "application/json";

    /// <summary>
    /// The maximum size of the form in bytes: percent-encoding makes three bytes of each byte of a value. The server checks it before it
    /// reads the body.
    /// </summary>
    public int MaxFormBytes { get; } = Math.Min(
        Limits.FormBytes,
        Limits.UndeclaredFormBytes + Parameters
            .Where(parameter => parameter.Place == RestParameterLocation.Form)
            .Sum(parameter => parameter.Name.Length + "=&".Length + (3 * parameter.MaxBytes)));

    /// <summary>Returns the declared parameter. Throws if a handler asks for an undeclared one, which is a bug.</summary>
    public RestParameter this[string name, RestParameterLocation place] =>
        Parameters.FirstOrDefault(parameter => parameter.Name == name && parameter.Place == place)
        ?? throw new InvalidOperationException($"{Id} declares no {place} parameter {name}.");
}
