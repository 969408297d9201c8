using FsCheck;
using FsCheck.Fluent;
using FsCheck.Xunit;
using Google.Rpc;
using Grpc.Core;
using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Server.Errors;
using GrpcPresence.Server.Tests.Fixture;
using GrpcPresence.V1;

namespace GrpcPresence.Server.Tests.Errors;

/// <summary>Tests the size of errors on the wire. A client or proxy loses an error whose trailers are too large.</summary>
public sealed class ErrorDetailsTests
{
    private const int Bytes = 3 * 1024;

    [Property(MaxTest = 300)]
    public Property Errors_have_at_most_3_KiB_of_trailers_for_any_violations() => Prop.ForAll(Violations(), violations =>
    {
        var error = ErrorDetails.ToRpcException(new PresenceException(violations));

        var listed = BadRequestOf(error).FieldViolations;
        return (CallError.WireBytes(error) <= Bytes).Label($"{CallError.WireBytes(error)} bytes")
            .And(ListsTheFirst(violations, [.. listed]).Label($"{listed}"));
    });

    [Property(MaxTest = 300)]
    public Property Errors_have_at_most_3_KiB_of_trailers_for_any_details() => Prop.ForAll(Texts().ArrayOf().ToArbitrary(), texts =>
    {
        var details = texts.Select((text, i) => (text, i)).ToDictionary(pair => $"key_{pair.i}", pair => pair.text);
        var message = string.Concat(texts);
        var error = ErrorDetails.ToRpcException(new PresenceException(Core.Domain.Errors.ErrorReason.UserNotFound, message)
        {
            Details = details,
            RetryAfter = TimeSpan.FromSeconds(1),
        });

        // A value is whole or absent: a program would take a part of a key for another key.
        var metadata = error.GetRpcStatus()!.GetDetail<ErrorInfo>()!.Metadata;
        return (CallError.WireBytes(error) <= Bytes).Label($"{CallError.WireBytes(error)} bytes")
            .And(metadata.All(pair => details[pair.Key] == pair.Value));
    });

    [Fact]
    public void Few_violations_are_listed_once_each_with_reason_and_description()
    {
        Violation[] violations =
        [
            new("user_key", Core.Domain.Errors.ErrorReason.FieldRequired, "must be set"),
            new("session_id", Core.Domain.Errors.ErrorReason.FieldInvalid, "must have 8 to 64 characters"),
        ];

        var error = ErrorDetails.ToRpcException(new PresenceException(violations));

        Assert.Equal(
            [("user_key", "FIELD_REQUIRED", "must be set"), ("session_id", "FIELD_INVALID", "must have 8 to 64 characters")],
            BadRequestOf(error).FieldViolations.Select(violation => (violation.Field, violation.Reason, violation.Description)));
        Assert.Empty(error.GetRpcStatus()!.GetDetail<ErrorInfo>()!.Metadata);
    }

    [Fact]
    public async Task An_error_about_100_keys_of_257_characters_fits_into_the_headers_of_every_client()
    {
        await using var server = await TestServer.StartAsync();
        var request = new BatchGetUsersRequest { ServiceSid = await server.CreateServiceAsync() };
        request.UserKeys.AddRange(Enumerable.Repeat(new string('x', 1_025), 100));

        var error = await Assert.ThrowsAsync<RpcException>(() => server.Users.BatchGetUsersAsync(request).ResponseAsync);

        Assert.InRange(CallError.WireBytes(error), 1, Bytes);
        var listed = BadRequestOf(error).FieldViolations;
        Assert.Equal("user_keys[0]", listed[0].Field);
        Assert.Equal(("", $"At least {100 - (listed.Count - 1)} more violations are omitted."), (listed[^1].Field, listed[^1].Description));
    }

    private static bool ListsTheFirst(Violation[] violations, BadRequest.Types.FieldViolation[] listed)
    {
        var isComplete = listed.Length == violations.Length && listed[^1].Description == violations[^1].Description;
        var whole = isComplete ? listed : listed[..^1];
        return whole.Length <= violations.Length
            && whole.Zip(violations).All(pair => pair.First.Field == pair.Second.Field && pair.First.Description == pair.Second.Description)
            && (isComplete
                || listed[^1].Description.Contains($" {violations.Length - whole.Length} ", StringComparison.Ordinal));
    }

    private static BadRequest BadRequestOf(RpcException error) => error.GetRpcStatus()!.GetDetail<BadRequest>()!;

    private static Gen<string> Texts() =>
        from length in Gen.OneOf(Gen.Choose(0, 40), Gen.Choose(0, 3_000))
        from letter in Gen.Elements('a', 'ü', '字', '%', '\n')
        select new string(letter, length);

    private static Arbitrary<Violation[]> Violations() => (
        from count in Gen.Choose(1, 100)
        from violations in Gen.ArrayOf(
            from field in Texts()
            from description in Texts()
            from reason in Gen.Elements(
                Core.Domain.Errors.ErrorReason.FieldRequired,
                Core.Domain.Errors.ErrorReason.UpdateMaskReadOnlyPath,
                Core.Domain.Errors.ErrorReason.ResumeTokenInvalid)
            select new Violation(field, reason, description),
            count)
        select violations).ToArbitrary();
}
