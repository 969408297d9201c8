using Grpc.Core;
using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Domain.Users;
using GrpcPresence.Server.Grpc.Mapping;
using GrpcPresence.Server.Security;
using GrpcPresence.V1;

namespace GrpcPresence.Server.Grpc.Services;

/// <content>Push bindings.</content>
internal sealed partial class UserGrpcService
{
    /// <inheritdoc/>
    public override async Task<SetPushBindingResponse> SetPushBinding(SetPushBindingRequest request, ServerCallContext context)
    {
        var isEndUser = OwnerOf(context) is not null;
        var change = request.ToChange(isEndUser, out var service);
        var audited = audit.OfEndUser<Core.Domain.Users.PushBinding>(context, made => made.Sid, made => TakingOf(change, made));
        var binding = await (isEndUser ? commands.SubmitAsync(change, context, audited) : commands.SubmitAsync(change, context));
        return new SetPushBindingResponse { PushBinding = binding.ToMessage(service) };
    }

    /// <inheritdoc/>
    public override async Task<GetPushBindingResponse> GetPushBinding(GetPushBindingRequest request, ServerCallContext context)
    {
        var reader = new RequestReader();
        var service = reader.Service(request.ServiceSid);
        var sid = reader.Binding(request.PushBindingSid);
        reader.ThrowIfInvalid();

        var store = await reads.OfAsync(service, context);
        var binding = await store.FindBindingAsync(service, sid, context.CancellationToken);
        if (binding is null || (OwnerOf(context) is { } owner && owner != binding.Identity))
            throw PresenceErrors.PushBindingNotFound(sid);
        return new GetPushBindingResponse { PushBinding = binding.ToMessage(service) };
    }

    /// <inheritdoc/>
    public override async Task<DeletePushBindingResponse> DeletePushBinding(DeletePushBindingRequest request, ServerCallContext context)
    {
        await commands.SubmitAsync(request.ToChange(OwnerOf(context)), context);
        return new DeletePushBindingResponse();
    }

    /// <inheritdoc/>
    public override async Task<ListPushBindingsResponse> ListPushBindings(ListPushBindingsRequest request, ServerCallContext context)
    {
        var reader = new RequestReader();
        var service = reader.Service(request.ServiceSid);
        var filter = reader.BindingFilter(request);
        var list = new PageList(PageKind.PushBindings, service, TextOf(filter));
        var size = reader.PageSize(request.PageSize);
        var position = reader.PageToken(request.PageToken, list);
        reader.ThrowIfInvalid();

        var store = await reads.OfAsync(service, context);
        var read = position.IsBackwards
            ? await store.ListBindingsBeforeAsync(service, filter, position.Id, size + 1, context.CancellationToken)
            : await store.ListBindingsAsync(service, filter, position.Id, size + 1, context.CancellationToken);
        var page = Page<V1.PushBinding>.Cut(read, size, list, position, binding => binding.Id, binding => binding.ToMessage(service));
        return new ListPushBindingsResponse
        {
            PushBindings = { page.Entries },
            NextPageToken = page.NextToken,
            PreviousPageToken = page.PreviousToken,
        };
    }

    /// <summary>
    /// Returns what the audit log says of a taken address; null for an address that no other user had. Watches and webhooks cannot report
    /// every taking, because the former owner's <c>is_notifiable</c> may be null.
    /// </summary>
    private static string? TakingOf(Core.Writing.Commands.SetPushBinding change, Core.Domain.Users.PushBinding made) =>
        change.FormerOwner is { } former ? $"taken from {former} by {made.UserSid}" : null;

    /// <summary>
    /// Returns a text that identifies the filter. Each identity is preceded by its length, because identities may contain any character.
    /// </summary>
    private static string TextOf(BindingFilter filter)
    {
        var keys = filter.Users.Select(key => key.ToString()).Distinct().Order(StringComparer.Ordinal);
        var users = keys.Select(key => $"{key.Length}:{key}");
        var user = $"user={filter.User}";
        // A filter by a single user keeps the text of earlier versions, because page tokens outlive a deployment.
        return filter.Users.Count + filter.Types.Count == 0
            ? user
            : $"{user.Length}:{user}&users={string.Concat(users)}&types={string.Join(',', filter.Types)}";
    }

    /// <summary>Returns the user whose push bindings the caller may access; null for all users.</summary>
    private static Identity? OwnerOf(ServerCallContext context) => CallScope.Of(context.GetHttpContext()).Caller.Identity;
}
