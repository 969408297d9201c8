using Google.Protobuf;
using GrpcPresence.Core.Users;

namespace GrpcPresence.Server.Mapping;

/// <summary>The bytes of <c>presence.v1.User</c>.</summary>
internal sealed class UserEncoder : IUserEncoder
{
    /// <inheritdoc/>
    public byte[] Encode(UserState user, UserView view) => user.ToMessage(view).ToByteArray();
}
