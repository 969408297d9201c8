using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Domain.Users;

namespace GrpcPresence.Server.Security.Authentication;

/// <summary>
/// Identifies a caller with any of its credentials, where something is counted for each caller: an API key, the account, or an end user of
/// one issuer.
/// </summary>
/// <param name="Name">The name of the caller in the audit log; for an end user, that of the issuer.</param>
/// <param name="Scope">The service instance, if the caller is limited to one.</param>
/// <param name="User">The end user, if it is one.</param>
internal readonly record struct CallerId(string Name, ServiceSid? Scope, Identity? User);
