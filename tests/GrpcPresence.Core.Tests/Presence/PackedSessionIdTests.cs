using GrpcPresence.Core.Presence;
using GrpcPresence.Core.Tests.Fixture;

namespace GrpcPresence.Core.Tests.Presence;

public sealed class PackedSessionIdTests
{
    private const string Guid = "0f8fad5b-d9cb-469f-a165-70867728950e";

    public static TheoryData<string> Ids =>
        [
            "s", new string('z', 64), Guid, Guid.ToUpperInvariant(), Guid.Replace('f', 'F'),
            Guid.Replace("-", "", StringComparison.Ordinal), $"{Guid[..^1]}_", $"{Guid[..^1]}z",
        ];

    [Theory]
    [MemberData(nameof(Ids))]
    public void An_id_is_unpacked_unchanged_and_equals_only_itself(string text)
    {
        var packed = new PackedSessionId(World.Session(text));

        Assert.Equal(text, packed.Unpack().ToString());
        Assert.False(packed.IsEmpty);
        foreach (var other in Ids.Select(row => row.Data))
            Assert.Equal(other == text, packed.Is(World.Session(other)));
    }

    [Fact]
    public void No_id_is_the_anonymous_session()
    {
        Assert.True(default(PackedSessionId).IsEmpty);
        Assert.True(default(PackedSessionId).Is(default));
        Assert.False(default(PackedSessionId).Is(World.Session("s")));
        Assert.True(default(PackedSessionId).Unpack().IsEmpty);
    }
}
