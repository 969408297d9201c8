using Google.Protobuf;
using GrpcPresence.Core.Domain.Users;
using GrpcPresence.Server.Grpc.Mapping;
using GrpcPresence.Server.Grpc.Services;

namespace GrpcPresence.Server.Grpc.Wire;

/// <summary>Encodes users as <c>presence.v1.User</c>.</summary>
internal sealed class UserEncoder : IUserEncoder
{
    /// <inheritdoc/>
    public byte[] Encode(UserState user, UserView view) => user.ToMessage(view).ToByteArray();
}
