using Google.Protobuf;
using Google.Protobuf.Reflection;
using Grpc.Core;
using Grpc.Reflection.V1;
using GrpcPresence.Server.Streams;
using GrpcPresence.Server.Tests.Fixture;
using GrpcPresence.Server.Tests.Hostile;
using Alpha = Grpc.Reflection.V1Alpha;
using Barrier = GrpcPresence.Server.Tests.Fixture.Barrier;

namespace GrpcPresence.Server.Tests.Reflection;

public sealed class ReflectionTests
{
    public static TheoryData<bool> Versions => [false, true];

    [Theory]
    [MemberData(nameof(Versions))]
    public async Task All_services_are_listed(bool alpha)
    {
        var answer = await AskAsync(alpha, new ServerReflectionRequest { ListServices = "*", Host = "h" });

        Assert.Equal(
            [
                "grpc.health.v1.Health",
                "grpc.reflection.v1.ServerReflection",
                "grpc.reflection.v1alpha.ServerReflection",
                "presence.v1.ApiKeyService",
                "presence.v1.ConfigurationService",
                "presence.v1.UserService",
            ],
            answer.ListServicesResponse.Service.Select(service => service.Name));
        Assert.Equal("h", answer.ValidHost);
        Assert.Equal("*", answer.OriginalRequest.ListServices);
    }

    [Theory]
    [MemberData(nameof(Versions))]
    public async Task A_file_comes_with_all_that_it_imports(bool alpha)
    {
        var answer = await AskAsync(alpha, new ServerReflectionRequest { FileByFilename = "presence/v1/user_service.proto" });

        AssertComplete(answer, "presence/v1/user_service.proto");
    }

    [Theory]
    [InlineData("presence.v1.UserService", "presence/v1/user_service.proto")]
    [InlineData("presence.v1.UserService.WatchUsers", "presence/v1/user_service.proto")]
    [InlineData("presence.v1.User", "presence/v1/user.proto")]
    [InlineData("presence.v1.User.identity", "presence/v1/user.proto")]
    [InlineData("presence.v1.ErrorReason", "presence/v1/error_reason.proto")]
    [InlineData("grpc.health.v1.HealthCheckResponse.ServingStatus", "grpc/health/v1/health.proto")]
    [InlineData("google.protobuf.Timestamp", "google/protobuf/timestamp.proto")]
    [InlineData("presence.v1.USER_VIEW_FULL", "presence/v1/user.proto")]
    [InlineData("presence.v1.WatchUsersResponse.event", "presence/v1/user_service.proto")]
    [InlineData("presence.v1.WatchUsersResponse.resume_token", "presence/v1/user_service.proto")]
    [InlineData("grpc.health.v1.HealthCheckResponse.SERVING", "grpc/health/v1/health.proto")]
    [InlineData("google.rpc.ErrorInfo", "google/rpc/error_details.proto")]
    [InlineData("google.rpc.ErrorInfo.reason", "google/rpc/error_details.proto")]
    [InlineData("google.rpc.Status", "google/rpc/status.proto")]
    public async Task A_symbol_leads_to_its_file(string symbol, string file)
    {
        AssertComplete(await AskAsync(alpha: false, new ServerReflectionRequest { FileContainingSymbol = symbol }), file);
        AssertComplete(await AskAsync(alpha: true, new ServerReflectionRequest { FileContainingSymbol = symbol }), file);
    }

    [Theory]
    [MemberData(nameof(Versions))]
    public async Task What_is_not_there_is_answered_and_the_stream_goes_on(bool alpha)
    {
        ServerReflectionRequest[] requests =
        [
            new() { FileByFilename = "nonsense" },
            new() { FileContainingSymbol = "nonsense" },
            new() { FileContainingExtension = new ExtensionRequest { ContainingType = "presence.v1.User", ExtensionNumber = 1 } },
            new() { AllExtensionNumbersOfType = "presence.v1.USER_VIEW_FULL" },
            new(),
            new() { ListServices = "" },
        ];

        var answers = await AskAsync(alpha, requests);

        Assert.Equal(
            [StatusCode.NotFound, StatusCode.NotFound, StatusCode.NotFound, StatusCode.NotFound, StatusCode.InvalidArgument],
            answers.SkipLast(1).Select(answer => (StatusCode)answer.ErrorResponse.ErrorCode));
        Assert.NotNull(answers[^1].ListServicesResponse);
    }

    [Theory]
    [MemberData(nameof(Versions))]
    public async Task A_message_type_has_an_empty_list_of_extension_numbers(bool alpha)
    {
        var answer = await AskAsync(alpha, new ServerReflectionRequest { AllExtensionNumbersOfType = "presence.v1.User" });

        Assert.Equal("presence.v1.User", answer.AllExtensionNumbersResponse.BaseTypeName);
        Assert.Empty(answer.AllExtensionNumbersResponse.ExtensionNumber);
    }

    [Theory]
    [MemberData(nameof(Versions))]
    public async Task Unknown_fields_as_deep_as_can_be_decoded_are_not_sent_back(bool alpha)
    {
        const int DeepestGroup = 99; // of the library, while it discards unknown fields
        var nested = new WireWriter().Nested(field: 1000, DeepestGroup).ToArray();
        var valid = new ServerReflectionRequest { ListServices = "*" };
        var request = ServerReflectionRequest.Parser.ParseFrom([.. valid.ToByteArray(), .. nested]);

        var answer = await AskAsync(alpha, request);

        Assert.Equal(new ServerReflectionRequest { ListServices = "*" }, answer.OriginalRequest);
    }

    [Fact]
    public async Task A_stream_that_is_open_when_the_server_stops_ends_with_that_reason()
    {
        var clock = new HeldClock(StreamDrain.Pause);
        await using var server = await TestServer.StartAsync(time: clock);
        using var call = new ServerReflection.ServerReflectionClient(server.Invoker).ServerReflectionInfo();
        await call.RequestStream.WriteAsync(new ServerReflectionRequest { ListServices = "" });
        await call.ResponseStream.MoveNext(TestRun.Token);

        var stopped = server.StopAsync();

        var error = await CallError.Of(() => call.ResponseStream.MoveNext(TestRun.Token));
        Assert.Equal((StatusCode.Unavailable, "SERVER_STOPPING"), (error.Code, error.Reason));
        Assert.NotNull(error.RetryInfo);
        clock.Release();
        await Barrier.Within(stopped, "the server stops");
        Assert.Empty(server.Log.Problems);
    }

    /// <summary>Checks that the files can be built one after the other, so that none is missing.</summary>
    private static void AssertComplete(ServerReflectionResponse answer, string file)
    {
        var files = answer.FileDescriptorResponse.FileDescriptorProto.ToDictionary(
            bytes => FileDescriptorProto.Parser.ParseFrom(bytes).Name);
        Assert.Equal(file, files.Keys.First());
        Assert.All(
            files.Values.SelectMany(bytes => FileDescriptorProto.Parser.ParseFrom(bytes).Dependency),
            import => Assert.Contains(import, files));
    }

    private static async Task<ServerReflectionResponse> AskAsync(bool alpha, ServerReflectionRequest request) =>
        Assert.Single(await AskAsync(alpha, [request]));

    private static async Task<List<ServerReflectionResponse>> AskAsync(bool alpha, params ServerReflectionRequest[] requests)
    {
        await using var server = await TestServer.StartAsync();
        return alpha ? await AskAlphaAsync(server, requests) : await AskAsync(server, requests);
    }

    private static async Task<List<ServerReflectionResponse>> AskAsync(TestServer server, ServerReflectionRequest[] requests)
    {
        using var call = new ServerReflection.ServerReflectionClient(server.Invoker).ServerReflectionInfo();
        foreach (var request in requests)
            await call.RequestStream.WriteAsync(request);
        await call.RequestStream.CompleteAsync();
        var answers = new List<ServerReflectionResponse>();
        await foreach (var answer in call.ResponseStream.ReadAllAsync(TestRun.Token))
            answers.Add(answer);
        return answers;
    }

    private static async Task<List<ServerReflectionResponse>> AskAlphaAsync(TestServer server, ServerReflectionRequest[] requests)
    {
        using var call = new Alpha.ServerReflection.ServerReflectionClient(server.Invoker).ServerReflectionInfo();
        foreach (var request in requests)
            await call.RequestStream.WriteAsync(Alpha.ServerReflectionRequest.Parser.ParseFrom(request.ToByteString()));
        await call.RequestStream.CompleteAsync();
        var answers = new List<ServerReflectionResponse>();
        await foreach (var answer in call.ResponseStream.ReadAllAsync(TestRun.Token))
            answers.Add(ServerReflectionResponse.Parser.ParseFrom(answer.ToByteString()));
        return answers;
    }
}
