using System.Globalization;
using Google.Protobuf.WellKnownTypes;
using GrpcPresence.Core.Domain;
using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Domain.Users;
using GrpcPresence.Server.Grpc.Mapping;

namespace GrpcPresence.Server.Tests.Mapping;

public sealed class RequestReaderTests
{
    private const string Digits = "0123456789abcdef0123456789ABCDEF";

    public static TheoryData<string, ErrorReason?> Identities => new()
    {
        { "alice", null },
        { new string('a', 256), null },
        { "", ErrorReason.FieldRequired },
        { new string('a', 257), ErrorReason.FieldTooLong },
        { new string('語', 256), null },
        { new string('語', 257), ErrorReason.FieldTooLong },
        { Repeated("💚", 256), null },
        { Repeated("💚", 257), ErrorReason.FieldTooLong },
        { "a" + Repeated("💚", 255), null },
        { "ab" + Repeated("💚", 255), ErrorReason.FieldTooLong },
        { "a\0b", ErrorReason.FieldInvalid },
        { "\u001f", ErrorReason.FieldInvalid },
        { "\u007f", ErrorReason.FieldInvalid },
        { "\u009f", ErrorReason.FieldInvalid },
        { " \u00a0\u200b", null },
        { "US" + Digits, ErrorReason.IdentityReserved },
    };

    public static TheoryData<string, ErrorReason?> AttributeTexts => new()
    {
        { "", null },
        { "{}", null },
        { """ {"a": [1, {"b": null}]} """, null },
        { Nested(Limits.AttributesDepth), null },
        { Nested(Limits.AttributesDepth + 1), ErrorReason.AttributesInvalid },
        { "[]", ErrorReason.AttributesInvalid },
        { "null", ErrorReason.AttributesInvalid },
        { "{", ErrorReason.AttributesInvalid },
        { "{} {}", ErrorReason.AttributesInvalid },
        { "{\"a\":1,}", ErrorReason.AttributesInvalid },
        { "{/**/}", ErrorReason.AttributesInvalid },
        { Padded(16_384), null },
        { Padded(16_385), ErrorReason.FieldTooLong },
    };

    public static TheoryData<Duration?, bool> Durations => new()
    {
        { null, true },
        { new Duration { Seconds = 1 }, true },
        { new Duration { Seconds = 10 }, true },
        { new Duration { Nanos = 999_999_999 }, false },
        { new Duration { Seconds = 10, Nanos = 100 }, false },
        { new Duration { Seconds = 10, Nanos = 1 }, false },
        { new Duration { Seconds = 0, Nanos = 999_999_900 }, false },
        { new Duration { Seconds = 5, Nanos = 100 }, true },
        { new Duration { Seconds = 5, Nanos = 99 }, false },
        { new Duration { Seconds = 5, Nanos = 150 }, false },
        { new Duration { Seconds = -1 }, false },
        { new Duration { Seconds = 5, Nanos = -1 }, false },
        { new Duration { Seconds = 5, Nanos = 1_000_000_000 }, false },
        { new Duration { Seconds = 5, Nanos = int.MinValue }, false },
        { new Duration { Seconds = long.MaxValue }, false },
        { new Duration { Seconds = long.MinValue }, false },
    };

    [Theory]
    [MemberData(nameof(Identities))]
    public void An_identity_has_1_to_256_characters_without_controls_and_is_not_a_user_sid(string text, ErrorReason? expected) =>
        AssertReason("identity", expected, reader => reader.Identity(text));

    [Theory]
    [MemberData(nameof(AttributeTexts))]
    public void Attributes_are_a_json_object_of_bounded_size_and_depth(string text, ErrorReason? expected) =>
        AssertReason("attributes", expected, reader => reader.Attributes(text));

    [Fact]
    public void Attributes_are_kept_as_they_are_given()
    {
        var reader = new RequestReader();

        Assert.Equal(""" {"a" : 1.0} """, reader.Attributes(""" {"a" : 1.0} """));
        Assert.Equal("{}", reader.Attributes(""));
    }

    [Theory]
    [InlineData("IS" + Digits, null)]
    [InlineData("", ErrorReason.FieldRequired)]
    [InlineData("IS123", ErrorReason.FieldInvalid)]
    [InlineData("US" + Digits, ErrorReason.FieldInvalid)]
    public void A_service_sid_is_required_and_has_its_form(string text, ErrorReason? expected) =>
        AssertReason("service_sid", expected, reader => reader.Service(text));

    [Theory]
    [InlineData("", null)]
    [InlineData("IS123", ErrorReason.FieldInvalid)]
    public void A_service_sid_of_a_new_service_instance_may_be_left_out(string text, ErrorReason? expected) =>
        AssertReason("service_sid", expected, reader => reader.OptionalService(text));

    [Theory]
    [InlineData("BS" + Digits, null)]
    [InlineData("", ErrorReason.FieldRequired)]
    [InlineData("BS", ErrorReason.FieldInvalid)]
    public void A_push_binding_sid_is_required_and_has_its_form(string text, ErrorReason? expected) =>
        AssertReason("push_binding_sid", expected, reader => reader.Binding(text));

    [Theory]
    [InlineData("RL" + Digits, null)]
    [InlineData("", null)]
    [InlineData("RL1", ErrorReason.FieldInvalid)]
    public void A_role_has_its_form_or_is_none(string text, ErrorReason? expected) =>
        AssertReason("role_sid", expected, reader => reader.Role(text, "role_sid"));

    [Theory]
    [InlineData("phone_1-A", null)]
    [InlineData("", ErrorReason.FieldRequired)]
    [InlineData("a b", ErrorReason.FieldInvalid)]
    [InlineData("é", ErrorReason.FieldInvalid)]
    [InlineData("00000000001111111111222222222233333333334444444444555555555566666", ErrorReason.FieldTooLong)]
    public void A_session_id_is_1_to_64_of_its_characters(string text, ErrorReason? expected) =>
        AssertReason("session_id", expected, reader => reader.Session(text));

    [Fact]
    public void A_user_key_is_a_sid_or_an_identity()
    {
        var reader = new RequestReader();

        Assert.True(reader.User("US" + Digits).IsSid);
        Assert.False(reader.User("US123").IsSid);
        reader.ThrowIfInvalid();
    }

    [Theory]
    [InlineData("", ErrorReason.FieldRequired)]
    [InlineData(null, ErrorReason.FieldTooLong)]
    public void A_user_key_is_required_and_bounded(string? text, ErrorReason expected) =>
        AssertReason("user_key", expected, reader => reader.User(text ?? new string('x', 257)));

    [Fact]
    public void Each_user_key_at_fault_is_named_by_its_position() => Assert.Equal(
        [("user_keys[1]", ErrorReason.FieldRequired), ("user_keys[3]", ErrorReason.FieldTooLong)],
        Rejected.By(reader => reader.Users(["a", "", "b", new string('c', 257)], max: 4)));

    [Fact]
    public void Too_many_user_keys_are_one_violation() =>
        AssertReason("user_keys", ErrorReason.FieldTooLong, reader => reader.Users(["", "", ""], max: 2));

    [Fact]
    public void User_keys_may_be_required() =>
        AssertReason("user_keys", ErrorReason.FieldRequired, reader => reader.RequiredUsers([], max: 2));

    [Theory]
    [InlineData(0, 50)]
    [InlineData(1, 1)]
    [InlineData(500, 500)]
    public void A_page_size_has_a_default(int size, int expected) => Assert.Equal(expected, new RequestReader().PageSize(size));

    [Theory]
    [InlineData(-1)]
    [InlineData(501)]
    [InlineData(int.MinValue)]
    public void A_page_size_out_of_bounds_is_rejected(int size) =>
        AssertReason("page_size", ErrorReason.FieldOutOfRange, reader => reader.PageSize(size));

    [Theory]
    [MemberData(nameof(Durations))]
    public void A_duration_is_well_formed_and_within_its_bounds(Duration? duration, bool valid) => AssertReason(
        "d",
        valid ? null : ErrorReason.FieldOutOfRange,
        reader => reader.Duration(duration, "d", TimeSpan.Zero, min: TimeSpan.FromSeconds(1), max: TimeSpan.FromSeconds(10)));

    [Theory]
    [InlineData(V1.BindingType.Unspecified, ErrorReason.FieldRequired)]
    [InlineData((V1.BindingType)5, ErrorReason.FieldInvalid)]
    [InlineData((V1.BindingType)(-1), ErrorReason.FieldInvalid)]
    public void A_binding_type_is_one_that_exists(V1.BindingType type, ErrorReason expected) =>
        AssertReason("binding_type", expected, reader => reader.BindingType(type));

    [Fact]
    public void A_view_is_one_that_exists()
    {
        AssertReason("view", ErrorReason.FieldInvalid, reader => reader.View((V1.UserView)4, defaultValue: UserView.Full));
        Assert.Equal(UserView.Basic, new RequestReader().View(V1.UserView.Unspecified, defaultValue: UserView.Basic));
    }

    [Fact]
    public void Reasons_are_ones_that_exist()
    {
        Assert.Equal(UpdateReasons.All, new RequestReader().Reasons([]));
        Assert.Equal(
            UpdateReasons.Deleted | UpdateReasons.ReachabilityNotifiable,
            new RequestReader().Reasons([V1.UpdateReason.Deleted, V1.UpdateReason.ReachabilityNotifiable]));
        Assert.Equal(
            [("reasons[0]", ErrorReason.FieldInvalid), ("reasons[2]", ErrorReason.FieldInvalid)],
            Rejected.By(reader => reader.Reasons([V1.UpdateReason.Unspecified, V1.UpdateReason.Created, (V1.UpdateReason)8])));
    }

    [Theory]
    [InlineData(V1.WatchStart.Now, "token", ErrorReason.FieldInvalid)]
    [InlineData((V1.WatchStart)3, "", ErrorReason.FieldInvalid)]
    [InlineData(V1.WatchStart.Now, "", null)]
    [InlineData(V1.WatchStart.Snapshot, "token", null)]
    public void A_watch_starts_now_or_from_a_token(V1.WatchStart start, string token, ErrorReason? expected) =>
        AssertReason("start", expected, reader => reader.StartsNow(start, token));

    [Theory]
    [InlineData("x", 256, null)]
    [InlineData("x", 257, ErrorReason.FieldTooLong)]
    [InlineData("💚", 256, null)]
    [InlineData("💚", 257, ErrorReason.FieldTooLong)]
    [InlineData("\n", 1, ErrorReason.FieldInvalid)]
    public void A_friendly_name_is_bounded_in_characters_and_has_no_controls(string text, int count, ErrorReason? expected) =>
        AssertReason("friendly_name", expected, reader => reader.FriendlyName(Repeated(text, count)));

    [Theory]
    [InlineData("a\tb\r\nc", null)]
    [InlineData("a\0", ErrorReason.FieldInvalid)]
    [InlineData("\u001b[0m", ErrorReason.FieldInvalid)]
    public void A_template_may_have_lines_but_no_other_controls(string text, ErrorReason? expected) =>
        AssertReason("template", expected, reader => reader.NotificationTemplate(text, "template"));

    [Theory]
    [InlineData(0, ErrorReason.FieldRequired)]
    [InlineData(1024, null)]
    [InlineData(1025, ErrorReason.FieldTooLong)]
    public void An_endpoint_is_required_and_bounded(int length, ErrorReason? expected) =>
        AssertReason("endpoint", expected, reader => reader.Endpoint(new string('x', length)));

    [Fact]
    public void No_more_violations_are_reported_than_fit_into_trailers()
    {
        var violations = Rejected.By(reader => reader.Users([.. Enumerable.Repeat("", 500)], max: 500));

        Assert.Equal(RequestReader.MaxViolations, violations.Count);
    }

    private static void AssertReason(string field, ErrorReason? expected, Action<RequestReader> read) =>
        Assert.Equal(expected is { } reason ? [(field, reason)] : [], Rejected.By(read));

    private static string Nested(int depth) =>
        string.Concat(Enumerable.Repeat("{\"a\":", depth - 1)) + "{}" + new string('}', depth - 1);

    private static string Repeated(string text, int count) => string.Concat(Enumerable.Repeat(text, count));

    private static string Padded(int bytes) => string.Create(CultureInfo.InvariantCulture, $"{{\"a\":\"{new string('x', bytes - 8)}\"}}");
}
