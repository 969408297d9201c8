using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Server.Security.Authentication;

namespace GrpcPresence.Server.Security.Audit;

/// <summary>An act that the audit log records.</summary>
/// <param name="Name">The method.</param>
/// <param name="Caller">The caller.</param>
/// <param name="Service">The service instance of the act; the default value for an act on the whole deployment.</param>
/// <param name="IsCritical">
/// Whether the act changes access, or the destination of data. These are acts on API keys, service instances and webhooks.
/// </param>
internal readonly record struct AuditedAct(string Name, Caller Caller, ServiceSid Service, bool IsCritical);
