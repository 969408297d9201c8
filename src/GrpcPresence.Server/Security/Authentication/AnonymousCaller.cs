using GrpcPresence.Core.Domain.ApiKeys;
using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Tenants;
using GrpcPresence.Server.Security.Authorization;

namespace GrpcPresence.Server.Security.Authentication;

/// <summary>Whoever presents no credentials, where none are asked for: may do everything, but for API keys.</summary>
/// <param name="keys">With the first API key, credentials are asked for.</param>
/// <param name="isAllowed">Whether the settings allow it all the same.</param>
internal sealed class AnonymousCaller(ApiKeyCache keys, bool isAllowed) : Caller
{
    /// <inheritdoc/>
    public override string Name => "anonymous";

    /// <inheritdoc/>
    public override ApiKeyRole Role => ApiKeyRole.Admin;

    /// <inheritdoc/>
    public override PresenceException? FindEnd(DateTimeOffset now) => isAllowed || keys.IsEmpty ? null : AccessErrors.CredentialsRequired();
}
