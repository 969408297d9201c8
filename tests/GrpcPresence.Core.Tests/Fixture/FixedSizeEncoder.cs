using GrpcPresence.Core.Domain.Users;

namespace GrpcPresence.Core.Tests.Fixture;

/// <summary>Replaces the transport's encoder where only the size of users matters.</summary>
internal sealed class FixedSizeEncoder(int bytes = 100) : IUserEncoder
{
    private readonly byte[] _encoded = new byte[bytes];

    public byte[] Encode(UserState user, UserView view) => _encoded;
}
