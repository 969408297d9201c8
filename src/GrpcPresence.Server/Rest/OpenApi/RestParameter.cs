namespace GrpcPresence.Server.Rest.OpenApi;

/// <summary>A parameter of an operation.</summary>
/// <param name="Name">Its name, in the case that clients write.</param>
/// <param name="Place">Where it stands.</param>
/// <param name="Type">What it holds.</param>
/// <param name="Description">What it means, with its bounds and default.</param>
/// <param name="IsRequired">Whether it must be there.</param>
internal sealed record RestParameter(string Name, RestParameterLocation Place, RestParameterType Type, string Description, bool IsRequired = false)
{
    /// <summary>A part of the path.</summary>
    public static RestParameter Path(string name, string description) => new(name, RestParameterLocation.Path, RestParameterType.Text, description, IsRequired: true);

    /// <summary>A part of the query.</summary>
    public static RestParameter Query(string name, RestParameterType type, string description) => new(name, RestParameterLocation.Query, type, description);

    /// <summary>A part of the form.</summary>
    public static RestParameter Form(string name, RestParameterType type, string description, bool isRequired = false) =>
        new(name, RestParameterLocation.Form, type, description, isRequired);

    /// <summary>A header of the request.</summary>
    public static RestParameter Header(string name, RestParameterType type, string description) => new(name, RestParameterLocation.Header, type, description);
}
