using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using Grpc.Core;
using GrpcPresence.Core.Domain.ApiKeys;
using GrpcPresence.Server.Security.Authentication;
using GrpcPresence.Server.Settings;
using GrpcPresence.Server.Tests.Fixture;
using GrpcPresence.V1;
using ApiKeyRole = GrpcPresence.V1.ApiKeyRole;

namespace GrpcPresence.Server.Tests.Security;

/// <summary>Tests the administration of API keys.</summary>
public sealed class ApiKeyServiceTests : IAsyncLifetime
{
    [Theory]
    [InlineData("directory")]
    [InlineData("not hexadecimal digits")]
    public async Task Closed_a_secret_file_that_cannot_be_used_does_not_appear_in_an_answer(string content)
    {
        if (content == "directory")
            Directory.CreateDirectory(_guarded.SecretPath + ".other");
        var path = _guarded.SecretPath + ".other";
        if (content != "directory")
            await File.WriteAllTextAsync(path, content, TestRun.Token);
        await using var server = await TestServer.StartAsync(
            settings: new ServerSettings { AuthToken = "6b1e1c2c0a5a4f0f9d0b8f6a7c3d2e1f", SecretFile = path });
        var headers = new Metadata
        {
            { "authorization", GuardedServer.Basic(ServerSettings.DefaultAccountSid, "6b1e1c2c0a5a4f0f9d0b8f6a7c3d2e1f") },
        };
        var keys = new ApiKeyService.ApiKeyServiceClient(server.Invoker);

        for (var i = 0; i < 3; i++)
        {
            var request = new CreateApiKeyRequest { Role = ApiKeyRole.Admin };
            var error = await Assert.ThrowsAsync<RpcException>(async () => await keys.CreateApiKeyAsync(request, headers));

            Assert.Equal(StatusCode.Unavailable, error.StatusCode);
            var trailers = error.Trailers.Select(entry => entry.IsBinary ? Encoding.UTF8.GetString(entry.ValueBytes) : entry.Value);
            foreach (var text in (string[])[error.Status.Detail, .. trailers])
                Assert.DoesNotContain("secret.other", text, StringComparison.Ordinal);
        }
        Assert.Contains(path, Assert.Single(server.Log.Problems).Text, StringComparison.Ordinal);
    }

    private GuardedServer _guarded = null!;

    public async ValueTask InitializeAsync() => _guarded = await GuardedServer.StartAsync();

    public ValueTask DisposeAsync() => _guarded.DisposeAsync();

    [Fact]
    public async Task Keys_A_key_is_listed_as_it_was_created_without_its_secret()
    {
        var made = await _guarded.Keys.CreateApiKeyAsync(new CreateApiKeyRequest
        {
            FriendlyName = "orders",
            Role = ApiKeyRole.Service,
            ServiceSid = _guarded.Own,
            CertificateName = "spiffe://mesh/orders",
        });

        var listed = await _guarded.KeysAs(_guarded.Admin).ListApiKeysAsync(new ListApiKeysRequest { ServiceSid = _guarded.Own });
        Assert.Equal([made.ApiKey], listed.ApiKeys);
        Assert.Equal(64, made.Secret.Length);
        Assert.Equal(
            ("orders", ApiKeyRole.Service, _guarded.Own, "spiffe://mesh/orders"),
            (made.ApiKey.FriendlyName, made.ApiKey.Role, made.ApiKey.ServiceSid, made.ApiKey.CertificateName));
    }

    [Fact]
    public async Task Keys_Keys_are_paged()
    {
        for (var i = 0; i < 4; i++)
            await _guarded.NewKeyAsync(ApiKeyRole.Read);
        var first = await _guarded.Keys.ListApiKeysAsync(new ListApiKeysRequest { PageSize = 3 });
        var second = await _guarded.Keys.ListApiKeysAsync(new ListApiKeysRequest { PageSize = 3, PageToken = first.NextPageToken });

        Assert.Equal((3, 2, ""), (first.ApiKeys.Count, second.ApiKeys.Count, second.NextPageToken));
        Assert.Equal(5, first.ApiKeys.Concat(second.ApiKeys).Select(key => key.Sid).Distinct().Count());
        var back = await _guarded.Keys.ListApiKeysAsync(new ListApiKeysRequest { PageSize = 3, PageToken = second.PreviousPageToken });
        Assert.Equal(first.ApiKeys, back.ApiKeys);
        Assert.Equal(("", ""), (first.PreviousPageToken, back.PreviousPageToken));
    }

    [Fact]
    public async Task Keys_A_revoked_key_stays_listed_and_is_revoked_once()
    {
        var key = await _guarded.NewKeyAsync(ApiKeyRole.Read, _guarded.Own, "a.example");
        var revoked = await _guarded.Keys.RevokeApiKeyAsync(new RevokeApiKeyRequest { ApiKeySid = key.ApiKey.Sid });
        _guarded.Time.Advance(TimeSpan.FromMinutes(1));
        var again = await _guarded.Keys.RevokeApiKeyAsync(new RevokeApiKeyRequest { ApiKeySid = key.ApiKey.Sid });

        Assert.NotNull(revoked.ApiKey.RevokeTime);
        Assert.Equal(revoked.ApiKey, again.ApiKey);
        Assert.Equal([again.ApiKey], (await _guarded.Keys.ListApiKeysAsync(new ListApiKeysRequest { ServiceSid = _guarded.Own })).ApiKeys);
        Assert.Equal("API_KEY_NOT_FOUND", (await CallError.Of(_guarded.Keys.RotateApiKeyAsync(
            new RotateApiKeyRequest { ApiKeySid = key.ApiKey.Sid }))).Reason);
        // Another key may take the certificate name of the revoked key.
        await _guarded.NewKeyAsync(ApiKeyRole.Read, certificateName: "a.example");
    }

    [Fact]
    public async Task Keys_Two_keys_in_force_do_not_have_one_certificate_name()
    {
        await _guarded.NewKeyAsync(ApiKeyRole.Read, certificateName: "a.example");

        var error = await CallError.Of(() => _guarded.NewKeyAsync(ApiKeyRole.Read, certificateName: "a.example"));

        Assert.Equal((StatusCode.AlreadyExists, "CERTIFICATE_NAME_TAKEN", "a.example"),
            (error.Code, error.Reason, error.Metadata["certificate_name"]));
    }

    [Fact]
    public async Task Keys_The_error_lists_every_violation()
    {
        var error = await CallError.Of(_guarded.Keys.CreateApiKeyAsync(new CreateApiKeyRequest
        {
            FriendlyName = new string('n', 257),
            ServiceSid = "nonsense",
            CertificateName = new string('c', 2049),
        }));
        var rotation = await CallError.Of(_guarded.Keys.RotateApiKeyAsync(new RotateApiKeyRequest
        {
            Overlap = Google.Protobuf.WellKnownTypes.Duration.FromTimeSpan(TimeSpan.FromDays(31)),
        }));

        Assert.Equal(["friendly_name", "role", "service_sid", "certificate_name"], error.Fields);
        Assert.Equal(["api_key_sid", "overlap"], rotation.Fields);
    }

    [Fact]
    public async Task Keys_An_administrator_of_one_service_instance_cannot_create_keys_with_a_wider_scope()
    {
        var keys = _guarded.KeysAs(GuardedServer.Basic(await _guarded.NewKeyAsync(ApiKeyRole.Admin, _guarded.Own)));

        var deployment = await CallError.Of(keys.CreateApiKeyAsync(new CreateApiKeyRequest { Role = ApiKeyRole.Read }));
        var certificate = await CallError.Of(keys.CreateApiKeyAsync(
            new CreateApiKeyRequest { Role = ApiKeyRole.Read, ServiceSid = _guarded.Own, CertificateName = "spiffe://mesh/others" }));
        var everybodys = await CallError.Of(keys.ListApiKeysAsync(new ListApiKeysRequest()));

        Assert.Equal(["PERMISSION_DENIED", "PERMISSION_DENIED", "PERMISSION_DENIED"],
            [deployment.Reason, certificate.Reason, everybodys.Reason]);
    }

    [Fact]
    public void Keys_Only_its_owner_can_read_the_secret_file()
    {
        Assert.True(File.Exists(_guarded.SecretPath));
        if (!OperatingSystem.IsWindows())
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(_guarded.SecretPath));
    }

    [Fact]
    public async Task Keys_Every_secret_is_64_letters_and_digits()
    {
        for (var i = 0; i < 20; i++)
        {
            var made = await _guarded.NewKeyAsync(ApiKeyRole.Read);
            Assert.Matches("^[A-Za-z0-9]{64}$", made.Secret);
            var rotated = await _guarded.Keys.RotateApiKeyAsync(new RotateApiKeyRequest { ApiKeySid = made.ApiKey.Sid });
            Assert.Matches("^[A-Za-z0-9]{64}$", rotated.Secret);
        }
    }

    [Fact]
    public void Keys_A_secret_of_an_earlier_build_signs_access_tokens_as_before()
    {
        const string Salt = "000102030405060708090a0b0c0d0e0f";
        Assert.True(ApiKeySid.TryParse("SK" + new string('1', 32), out var sid));
        var key = Convert.FromHexString(File.ReadAllText(_guarded.SecretPath).Trim());
        var earlier = Base64Url.EncodeToString(HKDF.DeriveKey(
            HashAlgorithmName.SHA512, key, 48, Convert.FromHexString(Salt), Encoding.ASCII.GetBytes($"API key {sid}")));

        var found = _guarded.Server.Get<SecretFile>().Find(sid, ApiKeySecret.Of(Salt, earlier));

        Assert.Equal(earlier, found);
        Assert.Null(_guarded.Server.Get<SecretFile>().Find(sid, ApiKeySecret.Of(Salt, earlier + "x")));
    }

    [Theory]
    [InlineData("0123456789abcdefABCDEF0123456789", false)]
    [InlineData("0123456789abcdef-0123456789_abcdef", true)]
    public async Task An_auth_token_that_some_libraries_refuse_to_send_is_logged_as_a_warning(string token, bool warns)
    {
        await using var server = await TestServer.StartAsync(settings: new ServerSettings { AuthToken = token });

        Assert.Equal(warns, server.Log.Problems.Any(problem => problem.EventId == 17));
        Assert.DoesNotContain(server.Log.Problems, problem => problem.Text.Contains(token, StringComparison.Ordinal));
    }

    [Fact]
    public async Task Keys_The_store_does_not_contain_the_secret_or_anything_that_reveals_it()
    {
        var made = await _guarded.NewKeyAsync(ApiKeyRole.Read);

        var stored = Assert.Single(
            await _guarded.Server.Store.ListApiKeysAsync(TestRun.Token), key => key.Sid.ToString() == made.ApiKey.Sid);
        Assert.DoesNotContain(made.Secret, stored.ToString(), StringComparison.OrdinalIgnoreCase);
        Assert.True(stored.Secret.Matches(made.Secret));
        Assert.False(stored.Secret.Matches(stored.Secret.Hash));
        Assert.Equal(stored.Secret, ApiKeySecret.Of(stored.Secret.Salt, made.Secret));
    }

    [Fact]
    public async Task Audit_Administrative_calls_are_logged_with_caller_and_target_and_without_secrets()
    {
        var key = await _guarded.NewKeyAsync(ApiKeyRole.Admin);
        var actor = GuardedServer.Basic(key);
        var (configuration, users, keys) = (_guarded.ConfigurationAs(actor), _guarded.UsersAs(actor), _guarded.KeysAs(actor));
        var service = (await configuration.CreateServiceInstanceAsync(new CreateServiceInstanceRequest())).ServiceInstance.Sid;
        await configuration.UpdateConfigurationAsync(new UpdateConfigurationRequest
        {
            Configuration = new V1.Configuration { ServiceSid = service, ReachabilityEnabled = true },
            UpdateMask = Google.Protobuf.WellKnownTypes.FieldMask.FromString("reachability_enabled"),
        });
        await configuration.UpdateWebhookConfigurationAsync(new UpdateWebhookConfigurationRequest
        {
            WebhookConfiguration =
                new WebhookConfiguration { ServiceSid = service, PreWebhookUrl = "https://pre.example/?token=secret-of-the-receiver" },
            UpdateMask = Google.Protobuf.WellKnownTypes.FieldMask.FromString("pre_webhook_url"),
        });
        await configuration.UpdateNotificationConfigurationAsync(new UpdateNotificationConfigurationRequest
        {
            NotificationConfiguration = new NotificationConfiguration { ServiceSid = service },
            UpdateMask = Google.Protobuf.WellKnownTypes.FieldMask.FromString("log_enabled"),
        });
        var user = (await users.CreateUserAsync(new CreateUserRequest { ServiceSid = service, Identity = "alice@example.com" })).User.Sid;
        await users.DeleteUserAsync(new DeleteUserRequest { ServiceSid = service, UserKey = "alice@example.com" });
        var made = await keys.CreateApiKeyAsync(new CreateApiKeyRequest { Role = ApiKeyRole.Read, ServiceSid = service });
        var rotated = await keys.RotateApiKeyAsync(new RotateApiKeyRequest { ApiKeySid = made.ApiKey.Sid });
        await keys.RevokeApiKeyAsync(new RevokeApiKeyRequest { ApiKeySid = made.ApiKey.Sid });
        await configuration.DeleteServiceInstanceAsync(new DeleteServiceInstanceRequest { ServiceSid = service });

        var logged = _guarded.Server.Log.Entries.Where(entry =>
            entry.Text.Contains($"by {key.ApiKey.Sid}", StringComparison.Ordinal)).ToList();
        Assert.Equal(
            [
                $"CreateServiceInstance by {key.ApiKey.Sid}: {service}",
                $"UpdateConfiguration by {key.ApiKey.Sid}: {service} reachability_enabled",
                $"UpdateWebhookConfiguration by {key.ApiKey.Sid}: {service} pre_webhook_url",
                $"UpdateNotificationConfiguration by {key.ApiKey.Sid}: {service} log_enabled",
                $"DeleteUser by {key.ApiKey.Sid}: {user} of {service}",
                $"CreateApiKey by {key.ApiKey.Sid}: {made.ApiKey.Sid}",
                $"RotateApiKey by {key.ApiKey.Sid}: {made.ApiKey.Sid}",
                $"RevokeApiKey by {key.ApiKey.Sid}: {made.ApiKey.Sid}",
                $"DeleteServiceInstance by {key.ApiKey.Sid}: {service}",
            ],
            logged.Select(entry => entry.Text.TrimEnd()));
        foreach (var secret in new[] { key.Secret, made.Secret, rotated.Secret, "alice@example.com", "secret-of-the-receiver" })
            Assert.DoesNotContain(_guarded.Server.Log.Entries, entry => entry.Text.Contains(secret, StringComparison.Ordinal));
    }
}
