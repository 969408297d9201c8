using Grpc.Core;
using GrpcPresence.Core.Domain;
using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Domain.Users;
using GrpcPresence.Server.Grpc.Mapping;
using GrpcPresence.V1;
using UserView = GrpcPresence.Core.Domain.Users.UserView;

namespace GrpcPresence.Server.Grpc.Services;

/// <content>Users.</content>
internal sealed partial class UserGrpcService
{
    /// <inheritdoc/>
    public override async Task<CreateUserResponse> CreateUser(CreateUserRequest request, ServerCallContext context)
    {
        var created = await commands.SubmitAsync(request.ToChange(), context);
        return new CreateUserResponse { User = created.ToMessage(UserView.Full) };
    }

    /// <inheritdoc/>
    public override async Task<GetUserResponse> GetUser(GetUserRequest request, ServerCallContext context)
    {
        var reader = new RequestReader();
        var service = reader.Service(request.ServiceSid);
        var key = reader.User(request.UserKey);
        reader.ThrowIfInvalid();

        var store = await reads.OfAsync(service, context);
        var read = await store.FindUsersAsync(service, [key], context.CancellationToken);
        return read.Users is [var user]
            ? new GetUserResponse { User = user.ToMessage(UserView.Full) }
            : throw PresenceErrors.UserNotFound(key);
    }

    /// <inheritdoc/>
    public override async Task<BatchGetUsersResponse> BatchGetUsers(BatchGetUsersRequest request, ServerCallContext context)
    {
        var reader = new RequestReader();
        var service = reader.Service(request.ServiceSid);
        var keys = reader.RequiredUsers(request.UserKeys, Limits.BatchGetKeys);
        var view = reader.View(request.View, defaultValue: UserView.Full);
        reader.ThrowIfInvalid();

        var store = await reads.OfAsync(service, context);
        // Only the view of reachability leaves out the texts. Beyond the limit of the response, reading further users would be in vain.
        var maxBytes = view == UserView.Reachability ? int.MaxValue : Limits.BatchGetBytes;
        var read = await store.FindUsersAsync(service, keys, maxBytes, context.CancellationToken);
        if (read.Next is not null)
            throw PresenceErrors.ResponseTooLarge(Limits.BatchGetBytes);
        var users = read.Users;
        var response = new BatchGetUsersResponse
        {
            Users = { users.Select(user => user.ToMessage(view)) },
            MissingUserKeys = { Missing(request.UserKeys, keys, users) },
        };
        return response.CalculateSize() <= Limits.BatchGetBytes ? response : throw PresenceErrors.ResponseTooLarge(Limits.BatchGetBytes);
    }

    /// <inheritdoc/>
    public override async Task<ListUsersResponse> ListUsers(ListUsersRequest request, ServerCallContext context)
    {
        bool? online = request.HasOnline ? request.Online : null;
        var reader = new RequestReader();
        var service = reader.Service(request.ServiceSid);
        var list = new PageList(PageKind.Users, service, $"online={online}");
        var size = reader.PageSize(request.PageSize);
        var position = reader.PageToken(request.PageToken, list);
        var view = reader.View(request.View, defaultValue: UserView.Basic);
        reader.ThrowIfInvalid();

        var store = await reads.OfAsync(service, context);
        var read = position.IsBackwards
            ? await store.ListUsersBeforeAsync(service, position.Id, size, online, context.CancellationToken)
            : await store.ListUsersAsync(service, position.Id, size, online, context.CancellationToken);
        var page = Page<User>.Cut(read.Users, read.Next, list, position, user => user.Record!.Id, user => user.ToMessage(view));
        return new ListUsersResponse
        {
            Users = { page.Entries },
            NextPageToken = page.NextToken,
            PreviousPageToken = page.PreviousToken,
        };
    }

    /// <inheritdoc/>
    public override async Task<UpdateUserResponse> UpdateUser(UpdateUserRequest request, ServerCallContext context)
    {
        var change = request.ToChange();
        await editHook.AskAsync(change, context);
        var updated = await commands.SubmitAsync(change, context);
        return new UpdateUserResponse { User = updated.ToMessage(UserView.Full) };
    }

    /// <inheritdoc/>
    public override async Task<DeleteUserResponse> DeleteUser(DeleteUserRequest request, ServerCallContext context)
    {
        await commands.SubmitAsync(request.ToChange(), context, audit.Of<UserSid>(context, sid => sid, $"of {request.ServiceSid}"));
        return new DeleteUserResponse();
    }

    /// <summary>Returns the keys without a user, as the request spells them, without duplicates.</summary>
    private static IEnumerable<string> Missing(IReadOnlyList<string> texts, IReadOnlyList<UserKey> keys, IReadOnlyList<UserState> users)
    {
        var known = users.SelectMany(user => new[] { new UserKey(user.Sid), new UserKey(user.Identity) }).ToHashSet();
        return keys.Zip(texts).Where(pair => known.Add(pair.First)).Select(pair => pair.Second);
    }
}
