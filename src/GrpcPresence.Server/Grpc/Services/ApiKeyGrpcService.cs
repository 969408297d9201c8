using Grpc.Core;
using GrpcPresence.Core.Domain.ApiKeys;
using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Tenants;
using GrpcPresence.Core.Writing;
using GrpcPresence.Core.Writing.Commands;
using GrpcPresence.Server.Grpc.Mapping;
using GrpcPresence.Server.Security;
using GrpcPresence.Server.Security.Audit;
using GrpcPresence.Server.Security.Authentication;
using GrpcPresence.Server.Security.Authorization;
using GrpcPresence.V1;
using ApiKey = GrpcPresence.Core.Domain.ApiKeys.ApiKey;

namespace GrpcPresence.Server.Grpc.Services;

/// <summary>Manages API keys: validate, call, map. Keys outside the caller's scope look as if they did not exist.</summary>
internal sealed class ApiKeyGrpcService(
    CommandQueue commands,
    ApiKeyCache keys,
    ServiceCache services,
    SecretFile secrets,
    AuditLog audit,
    TimeProvider time)
    : ApiKeyService.ApiKeyServiceBase
{
    /// <inheritdoc/>
    public override async Task<CreateApiKeyResponse> CreateApiKey(CreateApiKeyRequest request, ServerCallContext context)
    {
        var isOfDeployment = request.ServiceSid.Length == 0;
        // Certificate names are valid for the whole deployment. With the name of another caller's certificate, an administrator of one
        // service instance could take over that caller's calls.
        if (isOfDeployment || request.CertificateName.Length > 0)
            RequireDeployment(context);
        var secret = "";
        var change = request.ToChange(RandomSids.NewApiKeySid(), NewSecret);
        var made = await commands.SubmitAsync(change, context, Audit(context));
        return new CreateApiKeyResponse { ApiKey = made.ToMessage(time.GetUtcNow()), Secret = secret };

        ApiKeySecret NewSecret(ApiKeySid sid)
        {
            (secret, var stored) = secrets.New(sid);
            return stored;
        }
    }

    /// <inheritdoc/>
    public override async Task<ListApiKeysResponse> ListApiKeys(ListApiKeysRequest request, ServerCallContext context)
    {
        if (request.ServiceSid.Length == 0)
            RequireDeployment(context);
        var reader = new RequestReader();
        var scope = reader.OptionalService(request.ServiceSid);
        var list = new PageList(PageKind.ApiKeys, scope ?? default);
        var size = reader.PageSize(request.PageSize);
        var position = reader.PageToken(request.PageToken, list);
        reader.ThrowIfInvalid();

        // Exclude keys of an earlier service instance with the same SID: the present one does not own them.
        var since = scope is { } sid ? (await services.GetAsync(sid, context.CancellationToken)).CreateTime : DateTimeOffset.MinValue;
        var owned = keys.List().Where(key => scope is null || (key.Scope == scope && key.CreateTime >= since));
        var rest = position.IsBackwards
            ? owned.Where(key => key.Id < position.Id).Reverse()
            : owned.Where(key => key.Id > position.Id);
        var now = time.GetUtcNow();
        var page = Page<V1.ApiKey>.Cut([.. rest.Take(size + 1)], size, list, position, key => key.Id, key => key.ToMessage(now));
        return new ListApiKeysResponse
        {
            ApiKeys = { page.Entries },
            NextPageToken = page.NextToken,
            PreviousPageToken = page.PreviousToken,
        };
    }

    /// <inheritdoc/>
    public override async Task<RotateApiKeyResponse> RotateApiKey(RotateApiKeyRequest request, ServerCallContext context)
    {
        var (sid, overlap) = request.Read();
        RequireCovered(sid, context);
        var (secret, stored) = secrets.New(sid);
        var rotated = await commands.SubmitAsync(new RotateApiKey(sid, stored, overlap), context, Audit(context));
        return new RotateApiKeyResponse { ApiKey = rotated.ToMessage(time.GetUtcNow()), Secret = secret };
    }

    /// <inheritdoc/>
    public override async Task<RevokeApiKeyResponse> RevokeApiKey(RevokeApiKeyRequest request, ServerCallContext context)
    {
        var sid = request.Read();
        RequireCovered(sid, context);
        var revoked = await commands.SubmitAsync(new RevokeApiKey(sid), context, Audit(context));
        return new RevokeApiKeyResponse { ApiKey = revoked.ToMessage(time.GetUtcNow()) };
    }

    private static void RequireDeployment(ServerCallContext context)
    {
        if (CallScope.Of(context.GetHttpContext()).Caller.Scope is not null)
            throw AccessErrors.PermissionDenied();
    }

    private void RequireCovered(ApiKeySid sid, ServerCallContext context)
    {
        if (keys.Find(sid) is not { } key || !CallScope.Of(context.GetHttpContext()).Caller.Covers(key.Current.Scope))
            throw PresenceErrors.ApiKeyNotFound(sid);
    }

    private Action<ApiKey> Audit(ServerCallContext context) =>
        audit.OfCritical<ApiKey>(context, key => key.Sid);
}
