using GrpcPresence.Core.Domain.ApiKeys;
using GrpcPresence.Core.Domain.Errors;

namespace GrpcPresence.Server.Security.Authentication;

/// <summary>Who presents the account's own secret, which the settings name: may do everything, for as long as the server runs.</summary>
/// <param name="sid">The account's SID.</param>
internal sealed class AccountCaller(string sid) : Caller
{
    /// <inheritdoc/>
    public override string Name => sid;

    /// <inheritdoc/>
    public override ApiKeyRole Role => ApiKeyRole.Admin;

    /// <inheritdoc/>
    public override PresenceException? FindEnd(DateTimeOffset now) => null;
}
