using GrpcPresence.Core.Access;
using GrpcPresence.Core.Errors;

namespace GrpcPresence.Server.Access;

/// <summary>Whoever presents no credentials, where none are asked for: may do everything, but for API keys.</summary>
/// <param name="keys">With the first API key, credentials are asked for.</param>
/// <param name="isAllowed">Whether the settings allow it all the same.</param>
internal sealed class AnonymousCaller(ApiKeyRing keys, bool isAllowed) : Caller
{
    /// <inheritdoc/>
    public override string Name => "anonymous";

    /// <inheritdoc/>
    public override ApiKeyRole Role => ApiKeyRole.Admin;

    /// <inheritdoc/>
    public override PresenceException? FindEnd(DateTimeOffset now) => isAllowed || keys.IsEmpty ? null : AccessRefusals.CredentialsRequired();
}
