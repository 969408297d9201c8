using System.Text;
using BenchmarkDotNet.Attributes;
using GrpcPresence.Core.Domain.ApiKeys;
using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Tenants;
using GrpcPresence.Server.Security.Authentication;
using GrpcPresence.Server.Settings;
using GrpcPresence.Testing;
using Microsoft.IdentityModel.JsonWebTokens;
using Microsoft.IdentityModel.Tokens;

namespace GrpcPresence.MicroBench.Access;

/// <summary>Measures the first verification of an access token, and a cached one: docs/adr/0004-access-tokens.md.</summary>
public class AccessTokenBenchmarks : IDisposable
{
    private static readonly ApiKeySid Issuer = new(1);

    private readonly TemporaryDirectory _directory = new();
    private readonly JsonWebTokenHandler _handler = new();
    private readonly CallerCache _callers = new(capacity: 100);
    private AccessTokenVerifier _verifier = null!;
    private TokenValidationParameters _parameters = null!;
    private string _token = "";
    private string _forged = "";

    /// <summary>Creates an API key and one of its tokens.</summary>
    [GlobalSetup]
    public void Setup()
    {
        var settings = new ServerSettings { SecretFile = _directory.File("presence.secret") };
        var secrets = new SecretFile(settings);
        var (secret, stored) = secrets.New(Issuer);
        var keys = new ApiKeyCache();
        keys.Apply(
            [
                new ApiKey
                {
                    Sid = Issuer, FriendlyName = "", Role = ApiKeyRole.Service, Secret = stored, CreateTime = DateTimeOffset.UtcNow,
                },
            ],
            forgotten: []);
        _verifier = new AccessTokenVerifier(keys, new Account(settings), secrets, TimeProvider.System);

        var key = new SymmetricSecurityKey(Encoding.UTF8.GetBytes(secret));
        _token = NewToken(key);
        _parameters = new TokenValidationParameters { IssuerSigningKey = key, ValidIssuer = Issuer.ToString(), ValidateAudience = false };
        _forged = NewToken(new SymmetricSecurityKey(Encoding.UTF8.GetBytes(new string('x', secret.Length))));
        _callers.Add(_token, _verifier.Verify(_token));
    }

    /// <summary>The library alone: the form, the signature, the issuer and the times, with one known key.</summary>
    [Benchmark(Baseline = true, Description = "JsonWebTokenHandler")]
    public Task<TokenValidationResult> Validate() => _handler.ValidateTokenAsync(_token, _parameters);

    /// <summary>Everything: the issuer's keys are derived, the signature is verified with both, and the claims are read.</summary>
    [Benchmark(Description = "AccessTokenVerifier")]
    public object Verify() => _verifier.Verify(_token);

    /// <summary>A token with another secret's signature, which anybody can send. Includes the exception.</summary>
    [Benchmark(Description = "AccessTokenVerifier, rejected")]
    public object? Reject()
    {
        try
        {
            return _verifier.Verify(_forged);
        }
        catch (PresenceException rejected)
        {
            return rejected;
        }
    }

    /// <summary>A token that was verified before.</summary>
    [Benchmark(Description = "CallerCache")]
    public bool Find() => _callers.Find(_token) is not null;

    /// <inheritdoc/>
    [GlobalCleanup]
    public void Dispose()
    {
        _directory.Dispose();
        GC.SuppressFinalize(this);
    }

    private string NewToken(SecurityKey key) => _handler.CreateToken(new SecurityTokenDescriptor
    {
        Issuer = Issuer.ToString(),
        Expires = DateTime.UtcNow.AddHours(12),
        SigningCredentials = new SigningCredentials(key, SecurityAlgorithms.HmacSha256),
        Claims = new Dictionary<string, object>
        {
            ["grants"] = new Dictionary<string, object>
            {
                ["identity"] = "alice",
                ["chat"] = new Dictionary<string, object> { ["service_sid"] = new ServiceSid(1).ToString() },
            },
        },
    });
}
