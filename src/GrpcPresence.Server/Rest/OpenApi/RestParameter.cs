namespace GrpcPresence.Server.Rest.OpenApi;

/// <summary>A parameter of an operation.</summary>
/// <param name="Name">The name, in the case that clients write.</param>
/// <param name="Place">The part of the request that contains it.</param>
/// <param name="Type">The type of the value.</param>
/// <param name="Description">The meaning, with limits and default.</param>
/// <param name="IsRequired">Whether a request must contain it.</param>
internal sealed record RestParameter(
    string Name, RestParameterLocation Place, RestParameterType Type, string Description, bool IsRequired = false)
{
    // A flag, or a SID.
    private const int ShortBytes = 64;

    /// <summary>The maximum size of a valid value in bytes of UTF-8; for several values, of all of them with their names.</summary>
    public int MaxBytes { get; private init; } = ShortBytes;

    /// <summary>Declares a parameter in the path.</summary>
    public static RestParameter Path(string name, string description) =>
        new(name, RestParameterLocation.Path, RestParameterType.Text, description, IsRequired: true);

    /// <summary>Declares a parameter in the query.</summary>
    public static RestParameter Query(string name, RestParameterType type, string description) =>
        new(name, RestParameterLocation.Query, type, description);

    /// <summary>Declares a parameter in the form.</summary>
    public static RestParameter Form(
        string name, RestParameterType type, string description, int maxBytes = ShortBytes, bool isRequired = false) =>
        new(name, RestParameterLocation.Form, type, description, isRequired) { MaxBytes = maxBytes };

    /// <summary>Declares a request header.</summary>
    public static RestParameter Header(string name, RestParameterType type, string description) =>
        new(name, RestParameterLocation.Header, type, description);
}
