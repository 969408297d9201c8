using System.Text;
using Grpc.Core;
using GrpcPresence.Server.Tests.Fixture;
using GrpcPresence.V1;

namespace GrpcPresence.Server.Tests.Security;

/// <summary>Tests which credentials the server accepts, and the error that each rejected caller gets.</summary>
public sealed class AuthenticationTests
{
    [Fact]
    public async Task Default_Without_a_key_every_caller_is_accepted_with_any_credentials()
    {
        await using var server = await TestServer.StartAsync();
        var headers = new Metadata { { "authorization", "Bearer nonsense" } };

        await server.Configuration.ListServiceInstancesAsync(new ListServiceInstancesRequest(), headers);
    }

    [Fact]
    public async Task Default_An_anonymous_caller_cannot_create_a_key()
    {
        await using var server = await TestServer.StartAsync();
        var keys = new ApiKeyService.ApiKeyServiceClient(server.Invoker);

        var error = await CallError.Of(keys.CreateApiKeyAsync(new CreateApiKeyRequest { Role = ApiKeyRole.Admin }));

        Assert.Equal((StatusCode.PermissionDenied, "PERMISSION_DENIED"), (error.Code, error.Reason));
    }

    [Fact]
    public async Task Keys_A_key_is_presented_as_basic_in_any_case()
    {
        await using var guarded = await GuardedServer.StartAsync();

        await guarded.ReadAsync(guarded.Admin);
        await guarded.ReadAsync(guarded.Admin.Replace("Basic", "bAsIc", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Keys_A_call_without_credentials_is_rejected()
    {
        await using var guarded = await GuardedServer.StartAsync();

        var error = await CallError.Of(guarded.ReadAsync(null));

        Assert.Equal((StatusCode.Unauthenticated, "CREDENTIALS_REQUIRED"), (error.Code, error.Reason));
    }

    [Fact]
    public async Task Keys_Probes_and_reflection_need_no_credentials()
    {
        await using var guarded = await GuardedServer.StartAsync();

        var health = new global::Grpc.Health.V1.Health.HealthClient(guarded.As(null));
        Assert.Equal(
            global::Grpc.Health.V1.HealthCheckResponse.Types.ServingStatus.Serving,
            (await health.CheckAsync(new global::Grpc.Health.V1.HealthCheckRequest())).Status);
    }

    [Theory]
    [InlineData("")]
    [InlineData("Basic")]
    [InlineData("Basic ")]
    [InlineData("Basic ====")]
    [InlineData("Basic SID:SECRET")]
    [InlineData("Digest {0}")]
    [InlineData("Basic  {0}")]
    [InlineData("{0}")]
    public async Task Keys_Malformed_credentials_are_rejected(string header)
    {
        await using var guarded = await GuardedServer.StartAsync();
        var encoded = guarded.Admin["Basic ".Length..];

        var error = await CallError.Of(guarded.ReadAsync(header.Replace("{0}", encoded, StringComparison.Ordinal)));

        Assert.Equal((StatusCode.Unauthenticated, "CREDENTIALS_INVALID"), (error.Code, error.Reason));
    }

    [Fact]
    public async Task Keys_A_wrong_secret_and_an_unknown_key_get_the_same_error()
    {
        await using var guarded = await GuardedServer.StartAsync();
        var key = await guarded.NewKeyAsync(ApiKeyRole.Read);
        var unknown = "SK" + new string('0', 32);

        var wrong = await CallError.Of(guarded.ReadAsync(GuardedServer.Basic(key.ApiKey.Sid, key.Secret[..^1])));
        var absent = await CallError.Of(guarded.ReadAsync(GuardedServer.Basic(unknown, key.Secret)));
        var nameless = await CallError.Of(guarded.ReadAsync("Basic " + Convert.ToBase64String(Encoding.UTF8.GetBytes(key.Secret))));

        Assert.Equal("CREDENTIALS_INVALID", wrong.Reason);
        Assert.Equal(wrong, absent);
        Assert.Equal(wrong, nameless);
    }

    [Fact]
    public async Task Keys_Two_credentials_headers_are_rejected()
    {
        await using var guarded = await GuardedServer.StartAsync();
        var headers = new Metadata { { "authorization", guarded.Admin }, { "authorization", guarded.Admin } };

        var error = await CallError.Of(guarded.Server.Configuration.ListServiceInstancesAsync(new ListServiceInstancesRequest(), headers));

        Assert.Equal("CREDENTIALS_INVALID", error.Reason);
    }

    [Fact]
    public async Task Keys_A_revoked_key_is_rejected_as_soon_as_the_revocation_is_acknowledged()
    {
        await using var guarded = await GuardedServer.StartAsync();
        var key = await guarded.NewKeyAsync(ApiKeyRole.Read);
        await guarded.ReadAsync(GuardedServer.Basic(key));

        await guarded.Keys.RevokeApiKeyAsync(new RevokeApiKeyRequest { ApiKeySid = key.ApiKey.Sid });

        var error = await CallError.Of(guarded.ReadAsync(GuardedServer.Basic(key)));
        Assert.Equal((StatusCode.Unauthenticated, "API_KEY_REVOKED"), (error.Code, error.Reason));
        Assert.Equal(key.ApiKey.Sid, error.Metadata["api_key_sid"]);
        var wrong = await CallError.Of(guarded.ReadAsync(GuardedServer.Basic(key.ApiKey.Sid, "guess")));
        Assert.Equal("CREDENTIALS_INVALID", wrong.Reason);
    }

    [Fact]
    public async Task Keys_A_rotated_key_has_both_secrets_until_the_overlap_is_over()
    {
        await using var guarded = await GuardedServer.StartAsync();
        var key = await guarded.NewKeyAsync(ApiKeyRole.Read);
        await guarded.ReadAsync(GuardedServer.Basic(key));

        var rotated = await guarded.Keys.RotateApiKeyAsync(new RotateApiKeyRequest
        {
            ApiKeySid = key.ApiKey.Sid,
            Overlap = Google.Protobuf.WellKnownTypes.Duration.FromTimeSpan(TimeSpan.FromMinutes(1)),
        });

        var replaced = GuardedServer.Basic(key.ApiKey.Sid, rotated.Secret);
        await guarded.ReadAsync(GuardedServer.Basic(key));
        await guarded.ReadAsync(replaced);
        guarded.Time.Advance(TimeSpan.FromMinutes(1));
        Assert.Equal("API_KEY_REVOKED", (await CallError.Of(guarded.ReadAsync(GuardedServer.Basic(key)))).Reason);
        await guarded.ReadAsync(replaced);
    }

    [Fact]
    public async Task Keys_Wrong_credentials_are_rejected_even_where_anonymous_callers_are_allowed()
    {
        await using var guarded = await GuardedServer.StartAsync(settings => settings with { AllowAnonymous = true });

        await guarded.ReadAsync(null);
        Assert.Equal("CREDENTIALS_INVALID", (await CallError.Of(guarded.ReadAsync("Basic nonsense"))).Reason);
    }

    [Fact]
    public async Task Keys_A_key_of_a_deleted_service_instance_is_not_that_of_another_with_its_SID()
    {
        await using var guarded = await GuardedServer.StartAsync();
        var key = await guarded.NewKeyAsync(ApiKeyRole.Admin, guarded.Own);
        var configuration = guarded.ConfigurationAs(guarded.Admin);
        await guarded.ReadAsync(GuardedServer.Basic(key));

        await configuration.DeleteServiceInstanceAsync(new DeleteServiceInstanceRequest { ServiceSid = guarded.Own });
        await configuration.CreateServiceInstanceAsync(new CreateServiceInstanceRequest { ServiceSid = guarded.Own });

        Assert.Equal("API_KEY_REVOKED", (await CallError.Of(guarded.ReadAsync(GuardedServer.Basic(key)))).Reason);
    }
}
