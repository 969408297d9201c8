using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Writing;
using GrpcPresence.Core.Writing.Commands;
using GrpcPresence.Server.Tests.Fixture;
using GrpcPresence.V1;
using Microsoft.Extensions.Logging;
using Barrier = GrpcPresence.Server.Tests.Fixture.Barrier;
using ErrorReason = GrpcPresence.Core.Domain.Errors.ErrorReason;

namespace GrpcPresence.Server.Tests.Pipeline;

public sealed class MethodPipelineTests
{
    public static TheoryData<MethodType> Kinds => [.. FaultMethod.Kinds];

    [Theory]
    [MemberData(nameof(Kinds))]
    public async Task A_rejection_has_its_status_reason_metadata_and_retry_delay(MethodType kind)
    {
        var rejection = new PresenceException(ErrorReason.StreamMaxAge, "")
        {
            Details = new Dictionary<string, string> { ["resume_token"] = "t" },
        };
        await using var server = await TestServer.StartAsync(new FaultMethod(_ => throw rejection).Map);

        var error = await CallAsync(server.Invoker, kind);

        Assert.Equal((StatusCode.Unavailable, "STREAM_MAX_AGE"), (error.Code, error.Reason));
        Assert.Equal(new Dictionary<string, string> { ["resume_token"] = "t" }, error.Metadata);
        Assert.Equal(new Duration { Seconds = 1 }, error.RetryInfo?.RetryDelay);
        Assert.Empty(server.Log.Problems);
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public async Task A_quota_error_names_the_quota_and_has_a_retry_delay(MethodType kind)
    {
        var rejection = PresenceErrors.QuotaExceeded(
            Quota.WritesPerSecond, QuotaSubject.Caller, limit: 10, TimeSpan.FromMilliseconds(1250));
        await using var server = await TestServer.StartAsync(new FaultMethod(_ => throw rejection).Map);

        var error = await CallAsync(server.Invoker, kind);

        Assert.Equal((StatusCode.ResourceExhausted, "QUOTA_EXCEEDED"), (error.Code, error.Reason));
        Assert.Equal(
            new Dictionary<string, string> { ["quota"] = "writes_per_second", ["subject"] = "caller", ["limit"] = "10" }, error.Metadata);
        Assert.Equal(new Duration { Seconds = 1, Nanos = 250_000_000 }, error.RetryInfo?.RetryDelay);
        Assert.Empty(server.Log.Problems);
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public async Task An_unknown_exception_is_logged_once_under_the_id_that_the_client_gets(MethodType kind)
    {
        await using var server = await TestServer.StartAsync(new FaultMethod(_ => throw new InvalidOperationException("secret")).Map);

        var exception = await Assert.ThrowsAsync<RpcException>(
            () => FaultMethod.CallAsync(server.Invoker, kind, TestRun.Token));

        var error = CallError.From(exception);
        Assert.Equal((StatusCode.Internal, "INTERNAL"), (error.Code, error.Reason));
        Assert.Null(error.RetryInfo);
        Assert.DoesNotContain("secret", exception.Status.Detail, StringComparison.Ordinal);
        var entry = Assert.Single(server.Log.Problems);
        Assert.Equal(LogLevel.Error, entry.Level);
        Assert.IsType<InvalidOperationException>(entry.Exception);
        Assert.Contains(error.Metadata["correlation_id"], entry.Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_fault_of_the_writer_is_internal()
    {
        var sid = new ServiceSid(1);
        TestServer? started = null;
        var method = new FaultMethod(_ => started!.Get<CommandQueue>().SubmitAsync(
            new UpdateConfiguration(sid, etag: "", _ => throw new InvalidCastException())));
        await using var server = await TestServer.StartAsync(method.Map);
        started = server;
        await server.Configuration.CreateServiceInstanceAsync(new CreateServiceInstanceRequest { ServiceSid = $"{sid}" });

        var error = await CallAsync(server.Invoker, MethodType.Unary);

        Assert.Equal((StatusCode.Internal, "INTERNAL"), (error.Code, error.Reason));
        Assert.Contains(server.Log.Problems, entry => entry.Text.Contains(error.Metadata["correlation_id"], StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_store_that_cannot_be_read_is_unavailable()
    {
        await using var server = await TestServer.StartAsync();
        server.Store.Faults.FailReads(fail: true);

        var error = await CallError.Of(server.Configuration.ListServiceInstancesAsync(new ListServiceInstancesRequest()));

        Assert.Equal((StatusCode.Unavailable, "STORAGE_UNAVAILABLE"), (error.Code, error.Reason));
        Assert.Equal(new Duration { Seconds = 1 }, error.RetryInfo?.RetryDelay);
    }

    [Fact]
    public async Task The_message_of_a_storage_fault_is_not_sent_to_the_client()
    {
        await using var server = await TestServer.StartAsync(new FaultMethod(_ => throw new StorageException("/secret/path")).Map);

        var exception = await Assert.ThrowsAsync<RpcException>(
            () => FaultMethod.CallAsync(server.Invoker, MethodType.Unary, TestRun.Token));

        Assert.Equal("STORAGE_UNAVAILABLE", CallError.From(exception).Reason);
        Assert.DoesNotContain("secret", exception.Status.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task All_violations_arrive_with_the_reason_of_the_first()
    {
        await using var server = await TestServer.StartAsync();

        var error = await CallError.Of(server.Users.CreateUserAsync(new CreateUserRequest
        {
            Identity = "US" + new string('0', 32),
            Attributes = "[]",
        }));

        Assert.Equal((StatusCode.InvalidArgument, "FIELD_REQUIRED"), (error.Code, error.Reason));
        Assert.Equal(["service_sid", "identity", "attributes"], error.Fields);
        Assert.Equal(
            new Dictionary<string, string>
            {
                ["service_sid"] = "FIELD_REQUIRED",
                ["identity"] = "IDENTITY_RESERVED",
                ["attributes"] = "ATTRIBUTES_INVALID",
            },
            error.Metadata);
        Assert.Null(error.RetryInfo);
    }

    [Fact]
    public async Task The_maximum_number_of_violations_fits_the_default_limits_of_a_client()
    {
        await using var server = await TestServer.StartAsync();
        var request = new BatchGetUsersRequest { UserKeys = { Enumerable.Repeat("", 500) } };

        var error = await CallError.Of(server.Users.BatchGetUsersAsync(request));

        Assert.Equal("service_sid", error.Fields[0]);
        Assert.Equal("", error.Fields[^1]);
        Assert.Equal(
            $"At least {100 - (error.Fields.Count - 1)} more violations are omitted.",
            error.BadRequest!.FieldViolations[^1].Description);
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public async Task A_call_that_its_client_cancels_is_not_a_fault(MethodType kind)
    {
        var began = new Barrier("the server started the call");
        var ended = new Barrier("the server ended the call");
        await using var server = await TestServer.StartAsync(new FaultMethod(async context =>
        {
            began.Reach();
            try
            {
                await new TaskCompletionSource().Task.WaitAsync(context.CancellationToken);
            }
            finally
            {
                ended.Reach();
            }
        }).Map);
        using var cancel = new CancellationTokenSource();

        var call = FaultMethod.CallAsync(server.Invoker, kind, cancel.Token);
        await began.Wait();
        await cancel.CancelAsync();

        await Assert.ThrowsAsync<RpcException>(() => call);
        await ended.Wait();
        await server.StopAsync();
        Assert.Empty(server.Log.Problems);
    }

    private static Task<CallError> CallAsync(CallInvoker invoker, MethodType kind) =>
        CallError.Of(() => FaultMethod.CallAsync(invoker, kind, TestRun.Token));
}
