using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Storage;
using GrpcPresence.Server.Security.Authentication;
using GrpcPresence.Server.Settings;
using GrpcPresence.Server.Webhooks;
using GrpcPresence.Testing;

namespace GrpcPresence.Server.Tests.Webhooks;

/// <summary>Which secret signs the webhooks of which service instance.</summary>
public sealed class WebhookSecretsTests : IDisposable
{
    private static readonly WebhookSigner Signer = new(ServiceId: 7, new ServiceSid(1), Generation: 1);

    private readonly TemporaryDirectory _directory = new();

    private string Path => _directory.File("presence.db.secret");

    public void Dispose() => _directory.Dispose();

    [Fact]
    public void Each_service_instance_and_each_generation_has_its_own_secret()
    {
        var secrets = New();

        var all = new[]
        {
            Signer, Signer.Next, Signer with { ServiceId = 8 }, Signer with { ServiceSid = new ServiceSid(2) },
        }.Select(secrets.Get).ToList();

        Assert.Equal(all.Count, all.Distinct().Count());
        Assert.All(all, secret => Assert.Matches("^[0-9a-f]{64}$", secret));
        Assert.Equal(all[0], New().Get(Signer));
        Assert.Equal(all[0], New().Find(Signer));
    }

    [Fact]
    public void Without_a_secret_file_nothing_signs()
    {
        Assert.Null(New().Find(Signer));

        Assert.False(File.Exists(Path));
    }

    [Fact]
    public void The_auth_token_signs_the_webhooks_of_a_deployment_that_has_one()
    {
        var secret = New().Get(Signer);

        Assert.Equal("token", New("token").Find(Signer));
        Assert.Equal(secret, New("token").Get(Signer));
    }

    private WebhookSecrets New(string? authToken = null)
    {
        var settings = new ServerSettings { SecretFile = Path, AuthToken = authToken };
        return new WebhookSecrets(new SecretFile(settings), settings);
    }
}
