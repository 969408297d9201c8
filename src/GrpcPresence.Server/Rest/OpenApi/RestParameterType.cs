namespace GrpcPresence.Server.Rest.OpenApi;

/// <summary>The type of a parameter. On the wire, every value is text.</summary>
internal enum RestParameterType
{
    /// <summary>A text.</summary>
    Text,

    /// <summary><c>true</c> or <c>false</c>, case-insensitive.</summary>
    Flag,

    /// <summary>A non-negative integer.</summary>
    Number,

    /// <summary>Several texts, given by repeating the name.</summary>
    Texts,
}
