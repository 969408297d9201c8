using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Server.Grpc.Mapping;

namespace GrpcPresence.Server.Tests.Mapping;

public sealed class PageTokenTests
{
    private static readonly PageList List = new(PageKind.Users, new ServiceSid(1), "online=True");

    [Theory]
    [InlineData(0, false)]
    [InlineData(1, false)]
    [InlineData(long.MaxValue, false)]
    [InlineData(1, true)]
    [InlineData(long.MaxValue, true)]
    public void A_token_leads_to_where_its_page_ended(long id, bool isBackwards)
    {
        var position = new PagePosition(id, isBackwards);

        Assert.True(PageToken.TryRead(PageToken.Write(List, position), List, out var read));
        Assert.Equal(position, read);
    }

    [Fact]
    public void A_token_of_another_list_is_rejected()
    {
        AssertForeign(List with { Kind = PageKind.PushBindings });
        AssertForeign(List with { Service = new ServiceSid(2) });
        AssertForeign(List with { Filter = "online=False" });
    }

    [Fact]
    public void A_token_that_was_altered_anywhere_is_rejected()
    {
        var token = PageToken.Write(List, new PagePosition(42));
        for (var i = 0; i < token.Length; i++)
        {
            var altered = token.ToCharArray();
            altered[i] = altered[i] == 'A' ? 'B' : 'A';
            Assert.False(PageToken.TryRead(new string(altered), List, out _), $"character {i} does not count");
        }
    }

    [Theory]
    [InlineData("x")]
    [InlineData("!!!!!!!!!!!!!!!!!!!!!!!!")]
    [InlineData("                        ")]
    [InlineData("AAAAAAAAAAAAAAAAAAAAAAAA")]
    [InlineData("éééééééééééééééééééééééé")]
    public void A_text_that_is_not_a_token_is_rejected(string text) => Assert.False(PageToken.TryRead(text, List, out _));

    private static void AssertForeign(PageList other) =>
        Assert.False(PageToken.TryRead(PageToken.Write(List, new PagePosition(42)), other, out _));
}
