using Grpc.Core;
using Grpc.Net.Client;
using GrpcPresence.Server.Tests.Fixture;
using GrpcPresence.Server.Tests.Tls;
using GrpcPresence.V1;

namespace GrpcPresence.Server.Tests.Wire;

/// <summary>Tests gRPC's own authentication: a channel with TLS whose call credentials add the header to each call.</summary>
public sealed class CallCredentialsTests
{
    [Fact]
    public async Task A_channel_with_TLS_and_call_credentials_is_authenticated_and_one_without_them_is_not()
    {
        using var root = TestAuthority.NewRoot();
        using var folder = new TlsFolder();
        using var leaf = root.IssueServer();
        folder.Write(leaf);
        await using var guarded = await GuardedServer.StartAsync(
            settings => settings with { TlsCertificate = folder.Certificate, TlsKey = folder.Key }, new TlsClient(root).NewHandler());
        var asAdmin = CallCredentials.FromInterceptor((_, headers) =>
        {
            headers.Add("authorization", guarded.Admin);
            return Task.CompletedTask;
        });

        using var channel = Connect(guarded, root, ChannelCredentials.Create(ChannelCredentials.SecureSsl, asAdmin));
        using var bare = Connect(guarded, root, ChannelCredentials.SecureSsl);

        await ReadAsync(channel, guarded.Own);
        await ReadAsync(channel, guarded.Foreign);
        Assert.Equal("CREDENTIALS_REQUIRED", (await CallError.Of(ReadAsync(bare, guarded.Own))).Reason);
    }

    private static GrpcChannel Connect(GuardedServer guarded, TestAuthority root, ChannelCredentials credentials) => GrpcChannel.ForAddress(
        guarded.Server.Address,
        new GrpcChannelOptions { Credentials = credentials, HttpHandler = new TlsClient(root).NewHandler(), DisposeHttpClient = true });

    private static AsyncUnaryCall<ListUsersResponse> ReadAsync(GrpcChannel channel, string service) =>
        new UserService.UserServiceClient(channel).ListUsersAsync(new() { ServiceSid = service }, cancellationToken: TestRun.Token);
}
