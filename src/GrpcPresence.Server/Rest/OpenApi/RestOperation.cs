namespace GrpcPresence.Server.Rest.OpenApi;

/// <summary>One operation of the REST interface: what is served and what is documented, said once.</summary>
/// <param name="Id">Its name, unique.</param>
/// <param name="Summary">One line for people.</param>
/// <param name="Status">The status of success.</param>
/// <param name="Parameters">What it reads: a handler cannot read what does not stand here.</param>
internal sealed record RestOperation(string Id, string Summary, int Status, IReadOnlyList<RestParameter> Parameters)
{
    /// <summary>The media type of the response.</summary>
    public string Produces { get; init; } = "application/json";

    /// <summary>The parameter; a fault of this program when it is not declared.</summary>
    public RestParameter this[string name, RestParameterLocation place] =>
        Parameters.FirstOrDefault(parameter => parameter.Name == name && parameter.Place == place)
        ?? throw new InvalidOperationException($"{Id} declares no {place} parameter {name}.");
}
