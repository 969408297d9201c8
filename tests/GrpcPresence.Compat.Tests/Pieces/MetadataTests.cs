using Grpc.Core;

namespace GrpcPresence.Compat.Tests.Pieces;

public sealed class MetadataTests
{
    public static TheoryData<string> InvalidKeys => ["", "with space", "colon:", "ünlaut", "line\n", "slash/"];

    [Fact]
    public void A_key_is_stored_in_lower_case_and_found_in_any()
    {
        var metadata = new Metadata { { "Some-Key", "value" } };

        Assert.Equal("some-key", metadata[0].Key);
        Assert.Equal("value", metadata.GetValue("SOME-KEY"));
    }

    [Theory]
    [MemberData(nameof(InvalidKeys))]
    public void A_key_with_other_characters_is_refused(string key) =>
        Assert.Throws<ArgumentException>(() => new Metadata.Entry(key, "value"));

    [Fact]
    public void A_key_may_have_letters_digits_dots_underscores_and_hyphens() =>
        Assert.Equal("a.b_c-9", new Metadata.Entry("A.b_c-9", "value").Key);

    [Fact]
    public void A_text_value_under_a_binary_key_is_refused() =>
        Assert.Throws<ArgumentException>(() => new Metadata.Entry("key-bin", "value"));

    [Fact]
    public void A_binary_value_under_a_text_key_is_refused() =>
        Assert.Throws<ArgumentException>(() => new Metadata.Entry("key", [1]));

    [Fact]
    public void A_key_that_ends_in_the_suffix_in_upper_case_is_binary() =>
        Assert.True(new Metadata.Entry("KEY-BIN", [1]).IsBinary);

    [Fact]
    public void A_null_value_is_refused()
    {
        Assert.Throws<ArgumentNullException>(() => new Metadata.Entry("key", (string)null!));
        Assert.Throws<ArgumentNullException>(() => new Metadata.Entry("key-bin", (byte[])null!));
        Assert.Throws<ArgumentNullException>(() => new Metadata { (Metadata.Entry)null! });
    }

    [Fact]
    public void The_bytes_of_a_binary_entry_are_copied_in_and_out()
    {
        byte[] given = [1, 2];
        var entry = new Metadata.Entry("key-bin", given);

        given[0] = 9;
        entry.ValueBytes[1] = 9;

        Assert.Equal([1, 2], entry.ValueBytes);
    }

    [Fact]
    public void A_binary_entry_has_no_text() =>
        Assert.Throws<InvalidOperationException>(() => new Metadata.Entry("key-bin", [1]).Value);

    [Fact]
    public void A_text_entry_has_its_ASCII_bytes() => Assert.Equal("abc"u8.ToArray(), new Metadata.Entry("key", "abc").ValueBytes);

    [Fact]
    public void The_last_of_several_entries_with_a_key_counts()
    {
        var metadata = new Metadata { { "key", "one" }, { "other", "x" }, { "KEY", "two" } };

        Assert.Equal("two", metadata.Get("key")?.Value);
        Assert.Equal("two", metadata.GetValue("key"));
        Assert.Equal(["one", "two"], metadata.GetAll("key").Select(entry => entry.Value));
    }

    [Fact]
    public void A_key_that_is_not_there_gives_nothing()
    {
        var metadata = new Metadata();

        Assert.Null(metadata.Get("key"));
        Assert.Null(metadata.GetValue("key"));
        Assert.Null(metadata.GetValueBytes("key-bin"));
        Assert.Empty(metadata.GetAll("key"));
    }

    [Fact]
    public void It_is_a_list_of_entries()
    {
        var first = new Metadata.Entry("a", "1");
        var second = new Metadata.Entry("b", "2");
        var metadata = new Metadata { second };

        metadata.Insert(0, first);
        Assert.Equal([first, second], metadata);
        Assert.Equal(1, metadata.IndexOf(second));

        Assert.True(metadata.Remove(first));
        Assert.DoesNotContain(first, metadata);
        metadata[0] = first;
        metadata.RemoveAt(0);
        Assert.Empty(metadata);

        metadata.Add(first);
        metadata.Clear();
        Assert.Empty(metadata);
    }

    [Fact]
    public void The_empty_metadata_cannot_change()
    {
        Assert.True(Metadata.Empty.IsReadOnly);
        Assert.Throws<InvalidOperationException>(() => Metadata.Empty.Add("key", "value"));
        Assert.Throws<InvalidOperationException>(Metadata.Empty.Clear);
        Assert.Empty(Metadata.Empty);
    }
}
