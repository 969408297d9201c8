namespace GrpcPresence.Core.Domain.ApiKeys;

/// <summary>What an API key may do within its scope. Each role may do what the ones before it may. The numbers are those of <c>presence.v1.ApiKeyRole</c>.</summary>
public enum ApiKeyRole
{
    /// <summary>No API key has it.</summary>
    None = 0,

    /// <summary>Read and watch.</summary>
    Read = 1,

    /// <summary>What the back end of an application does: users, sessions and push bindings.</summary>
    Service = 2,

    /// <summary>Configuration and API keys too.</summary>
    Admin = 3,
}
