using GrpcPresence.Core.Domain.ApiKeys;
using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Domain.Users;
using GrpcPresence.Core.Quotas;
using GrpcPresence.Server.Security.Authorization;
using Microsoft.AspNetCore.Http.Features;

namespace GrpcPresence.Server.Security.Authentication;

/// <summary>Who makes a call, and what that is about. Safe from any thread: one object stands for all calls with the same credentials.</summary>
internal abstract class Caller
{
    /// <summary>What the audit log calls the caller. Never an identity.</summary>
    public abstract string Name { get; }

    /// <summary>What the caller may do within its scope; None for an end user, whose rights the table of authorization names apart.</summary>
    public abstract ApiKeyRole Role { get; }

    /// <summary>The API key that the caller presents; null for other callers.</summary>
    public virtual ApiKeySid? ApiKey => null;

    /// <summary>The one service instance that there is for the caller; null for all.</summary>
    public virtual ServiceSid? Scope => null;

    /// <summary>Who the end user is; null for all other callers.</summary>
    public virtual Identity? Identity => null;

    /// <summary>The caller of the call: <see cref="Authorizer"/> has let it in.</summary>
    public static Caller Of(HttpContext context) => context.Features.GetRequiredFeature<Caller>();

    /// <summary>What the caller has used of its quotas; null for who has none.</summary>
    public virtual UsageCounters? MeterIn(QuotaLimiter quotas) => null;

    /// <summary>Whether the service instance exists for the caller.</summary>
    public bool Covers(ServiceSid? service) => Scope is null || Scope == service;

    /// <summary>Why the caller is let in no more; null while it is.</summary>
    public abstract PresenceException? FindEnd(DateTimeOffset now);
}
