namespace GrpcPresence.Server.Rest.OpenApi;

/// <summary>What a parameter holds. On the wire everything is text.</summary>
internal enum RestParameterType
{
    /// <summary>A text.</summary>
    Text,

    /// <summary><c>true</c> or <c>false</c>, in any case.</summary>
    Flag,

    /// <summary>A whole number that is not negative.</summary>
    Number,

    /// <summary>Texts: the name is repeated.</summary>
    Texts,
}
