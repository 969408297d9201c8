namespace GrpcPresence.Server.Hosting;

/// <summary>What is to be done about API keys.</summary>
internal enum KeysVerb
{
    /// <summary>Make one.</summary>
    Create,

    /// <summary>List them.</summary>
    List,

    /// <summary>Give one a new secret.</summary>
    Rotate,

    /// <summary>End one for good.</summary>
    Revoke,
}
