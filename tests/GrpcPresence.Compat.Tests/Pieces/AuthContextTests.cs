using Grpc.Core;

namespace GrpcPresence.Compat.Tests.Pieces;

public sealed class AuthContextTests
{
    private static readonly Dictionary<string, List<AuthProperty>> Properties = new()
    {
        ["name"] = [AuthProperty.Create("name", "alice"u8.ToArray()), AuthProperty.Create("name", "bob"u8.ToArray())],
        ["other"] = [AuthProperty.Create("other", [1])],
    };

    [Fact]
    public void The_property_with_the_identity_makes_the_peer_authenticated()
    {
        var context = new AuthContext("name", Properties);

        Assert.True(context.IsPeerAuthenticated);
        Assert.Equal(["alice", "bob"], context.PeerIdentity.Select(property => property.Value));
        Assert.Equal(3, context.Properties.Count());
        Assert.Empty(context.FindPropertiesByName("absent"));
    }

    [Fact]
    public void No_property_with_the_identity_leaves_the_peer_unknown()
    {
        var context = new AuthContext(peerIdentityPropertyName: null, Properties);

        Assert.False(context.IsPeerAuthenticated);
        Assert.Empty(context.PeerIdentity);
    }

    [Fact]
    public void The_bytes_of_a_property_are_copied_in_and_out()
    {
        byte[] given = [1, 2];
        var property = AuthProperty.Create("name", given);

        given[0] = 9;
        property.ValueBytes[1] = 9;

        Assert.Equal([1, 2], property.ValueBytes);
    }
}
