using GrpcPresence.Core.Domain;
using GrpcPresence.Core.Domain.Users;
using GrpcPresence.Server.Grpc.Services;
using GrpcPresence.Server.Rest.Http;
using GrpcPresence.Server.Rest.OpenApi;

namespace GrpcPresence.Server.Rest.Api;

/// <summary>The endpoints of users.</summary>
internal static class UserEndpoints
{
    /// <summary>The header that requests webhooks for an edit.</summary>
    public const string WebhookEnabled = "X-Twilio-Webhook-Enabled";

    private const int MostPerPage = 50;
    private const string Users = RestPaths.Service + "/Users";
    private const string OneUser = Users + "/{" + RestPaths.Sid + "}";
    private const string Identity = "Identity";
    private const string FriendlyName = "FriendlyName";
    private const string Attributes = "Attributes";
    private const string RoleSid = "RoleSid";
    private const string View = "View";
    private const string Full = "full";

    private static readonly RestParameter Sid = RestParameter.Path(RestPaths.Sid, "The SID or identity of the user.");

    private static readonly RestParameter[] Profile =
    [
        RestParameter.Header(
            WebhookEnabled,
            RestParameterType.Flag,
            "\"true\" sends webhooks for this change. Default: none, so that a receiver that answers with an edit causes no loop."),
        RestParameter.Form(FriendlyName, RestParameterType.Text, "A display name of at most 256 characters.", Limits.FriendlyNameBytes),
        RestParameter.Form(Attributes, RestParameterType.Text, "A JSON object of at most 16 KiB.", Limits.AttributesBytes),
        RestParameter.Form(RoleSid, RestParameterType.Text, "The SID of the role: RL followed by 32 hexadecimal digits, or empty."),
    ];

    /// <summary>Maps the operations.</summary>
    public static void Map(RestRoutes routes)
    {
        routes.Get(
            Users,
            new RestOperation(
                "ListServiceUser",
                "Lists users.",
                StatusCodes.Status200OK,
                [
                    RestPaths.InService,
                    RestParameter.Query(
                        View, RestParameterType.Text, "\"full\" includes is_online and is_notifiable, which are null in lists by default."),
                    .. RestPage.Parameters(MostPerPage),
                ]),
            ListAsync);
        routes.Post(
            Users,
            new RestOperation(
                "CreateServiceUser",
                "Creates a user.",
                StatusCodes.Status201Created,
                [
                    RestPaths.InService,
                    RestParameter.Form(
                        Identity,
                        RestParameterType.Text,
                        "The identity of the user: 1 to 256 characters without control characters, not in the form of a user SID.",
                        Limits.IdentityBytes,
                        isRequired: true),
                    .. Profile,
                ]),
            CreateAsync);
        routes.Get(
            OneUser,
            new RestOperation("FetchServiceUser", "Reads a user.", StatusCodes.Status200OK, [RestPaths.InService, Sid]),
            FetchAsync);
        routes.Post(
            OneUser,
            new RestOperation(
                "UpdateServiceUser",
                "Updates the given profile fields and keeps the others.",
                StatusCodes.Status200OK,
                [RestPaths.InService, Sid, .. Profile]),
            UpdateAsync);
        routes.Delete(
            OneUser,
            new RestOperation("DeleteServiceUser", "Deletes a user.", StatusCodes.Status204NoContent, [RestPaths.InService, Sid]),
            DeleteAsync);
    }

    /// <summary>Reads a user by SID or identity.</summary>
    public static async Task<UserResource> ReadAsync(RestRequest call, string key)
    {
        var read = await call.CallAsync<V1.GetUserRequest, V1.GetUserResponse>(
            new V1.GetUserRequest { ServiceSid = call.Path(RestPaths.ServiceSid), UserKey = key });
        return UserResource.Of(read.User, call);
    }

    private static async Task<UserPage> ListAsync(RestRequest call)
    {
        var page = RestPage.Read(call, MostPerPage);
        var read = await call.CallAsync<V1.ListUsersRequest, V1.ListUsersResponse>(new V1.ListUsersRequest
        {
            ServiceSid = call.Path(RestPaths.ServiceSid),
            PageSize = page.Size,
            PageToken = page.Token,
            View = call.Query(View).Equals(Full, StringComparison.OrdinalIgnoreCase) ? V1.UserView.Full : V1.UserView.Basic,
        });
        return new UserPage(
            [.. read.Users.Select(user => UserResource.Of(user, call))],
            page.Meta(call, "users", read.NextPageToken, read.PreviousPageToken));
    }

    private static async Task<UserResource> CreateAsync(RestRequest call)
    {
        var request = new V1.CreateUserRequest { ServiceSid = call.Path(RestPaths.ServiceSid), SkipWebhooks = !TellsWebhooks(call) };
        FormFields.Take(call, request, ["identity", .. UpdateMasks.User.Writable]);
        var created = await call.CallAsync<V1.CreateUserRequest, V1.CreateUserResponse>(request);
        return UserResource.Of(created.User, call);
    }

    private static Task<UserResource> FetchAsync(RestRequest call) => ReadAsync(call, call.Path(RestPaths.Sid));

    private static async Task<UserResource> UpdateAsync(RestRequest call)
    {
        var user = new V1.User { ServiceSid = call.Path(RestPaths.ServiceSid) };
        Name(user, call.Path(RestPaths.Sid));
        var mask = FormFields.Take(call, user, UpdateMasks.User.Writable);
        if (mask.Paths.Count == 0)
            return await FetchAsync(call);
        var updated = await call.CallAsync<V1.UpdateUserRequest, V1.UpdateUserResponse>(
            new V1.UpdateUserRequest { User = user, UpdateMask = mask, SkipWebhooks = !TellsWebhooks(call) });
        return UserResource.Of(updated.User, call);
    }

    private static Task DeleteAsync(RestRequest call) =>
        call.CallAsync<V1.DeleteUserRequest, V1.DeleteUserResponse>(
            new V1.DeleteUserRequest { ServiceSid = call.Path(RestPaths.ServiceSid), UserKey = call.Path(RestPaths.Sid) });

    // Back ends always receive webhooks for changes by an end user. An end user cannot switch them off.
    private static bool TellsWebhooks(RestRequest call) => call.Asks(WebhookEnabled) || call.Caller.Identity is not null;

    private static void Name(V1.User user, string key)
    {
        if (UserSid.TryParse(key, out _))
            user.Sid = key;
        else
            user.Identity = key;
    }
}
