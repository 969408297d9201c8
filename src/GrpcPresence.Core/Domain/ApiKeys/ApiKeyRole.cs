namespace GrpcPresence.Core.Domain.ApiKeys;

/// <summary>
/// What an API key may do within its scope. Each role includes the roles before it. The numbers are those of <c>presence.v1.ApiKeyRole</c>.
/// </summary>
public enum ApiKeyRole
{
    /// <summary>Never used by an API key.</summary>
    None = 0,

    /// <summary>Read and watch.</summary>
    Read = 1,

    /// <summary>What the back end of an application does: users, sessions and push bindings.</summary>
    Service = 2,

    /// <summary>Also configuration and API keys.</summary>
    Admin = 3,
}
