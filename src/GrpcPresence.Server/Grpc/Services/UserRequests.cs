using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Domain.Users;
using GrpcPresence.Core.Writing.Commands;
using GrpcPresence.Server.Grpc.Mapping;

namespace GrpcPresence.Server.Grpc.Services;

/// <summary>Converts requests to commands on users and push bindings.</summary>
internal static class UserRequests
{
    /// <summary>Converts the request to a command.</summary>
    public static CreateUser ToChange(this V1.CreateUserRequest request)
    {
        var reader = new RequestReader();
        var service = reader.Service(request.ServiceSid);
        var identity = reader.Identity(request.Identity);
        var friendlyName = reader.FriendlyName(request.FriendlyName);
        var attributes = reader.Attributes(request.Attributes);
        var role = reader.Role(request.RoleSid, "role_sid");
        reader.ThrowIfInvalid();
        return new CreateUser(service, identity, friendlyName, attributes, role) { SkipsWebhooks = request.SkipWebhooks };
    }

    /// <summary>Converts the request to a command.</summary>
    public static UpdateUser ToChange(this V1.UpdateUserRequest request)
    {
        var reader = new RequestReader();
        var paths = UpdateMasks.User.Read(request.UpdateMask, reader);
        var change = reader.Has(request.User, "user") ? ToChange(request.User, paths, request.SkipWebhooks, reader) : null;
        reader.ThrowIfInvalid();
        return change!;
    }

    /// <summary>Converts the request to a command.</summary>
    public static DeleteUser ToChange(this V1.DeleteUserRequest request)
    {
        var reader = new RequestReader();
        var service = reader.Service(request.ServiceSid);
        var key = reader.User(request.UserKey);
        reader.ThrowIfInvalid();
        return new DeleteUser(service, key, request.Etag);
    }

    /// <summary>Converts the request to a command of an end user or of a back end.</summary>
    public static SetPushBinding ToChange(this V1.SetPushBindingRequest request, bool byEndUser, out ServiceSid service)
    {
        var reader = new RequestReader();
        service = reader.Service(request.ServiceSid);
        var key = reader.User(request.UserKey);
        var type = reader.BindingType(request.BindingType);
        var endpoint = reader.Endpoint(request.Endpoint);
        reader.ThrowIfInvalid();
        return new SetPushBinding(service, key, type, endpoint, byEndUser);
    }

    /// <summary>Converts the request to a command on a push binding of <paramref name="owner"/>, or of any user if that is null.</summary>
    public static DeletePushBinding ToChange(this V1.DeletePushBindingRequest request, Identity? owner)
    {
        var reader = new RequestReader();
        var service = reader.Service(request.ServiceSid);
        var binding = reader.Binding(request.PushBindingSid);
        reader.ThrowIfInvalid();
        return new DeletePushBinding(service, binding, owner);
    }

    private static UpdateUser ToChange(V1.User user, IReadOnlySet<string> paths, bool skipsWebhooks, RequestReader reader)
    {
        var service = reader.Service(user.ServiceSid, "user.service_sid");
        // If neither SID nor identity is given, report the SID as missing.
        UserSid? sid = user.Sid.Length > 0 || user.Identity.Length == 0 ? reader.UserSid(user.Sid, "user.sid") : null;
        Identity? identity = user.Identity.Length > 0 ? reader.Identity(user.Identity, "user.identity") : null;
        var edit = new UserEdit(
            paths.Contains("friendly_name") ? reader.FriendlyName(user.FriendlyName, "user.friendly_name") : null,
            paths.Contains("attributes") ? reader.Attributes(user.Attributes, "user.attributes") : null,
            paths.Contains("role_sid") ? reader.Role(user.RoleSid, "user.role_sid") : (RoleSid?)null);
        return sid is { } known
            ? new UpdateUser(service, new UserKey(known), identity, user.Etag, edit) { SkipsWebhooks = skipsWebhooks }
            : new UpdateUser(service, new UserKey(identity.GetValueOrDefault()), identity: null, user.Etag, edit)
            {
                SkipsWebhooks = skipsWebhooks,
            };
    }
}
