using GrpcPresence.Core.Domain.Users;

namespace GrpcPresence.Core.Tests.Fixture;

/// <summary>Replaces the transport's encoder where only the size of users matters.</summary>
internal sealed class FixedSizeEncoder(int bytes = 100) : IUserEncoder
{
    public byte[] Encode(UserState user, UserView view) => new byte[bytes];
}
