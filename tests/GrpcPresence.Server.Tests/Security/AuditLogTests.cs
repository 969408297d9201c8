using System.Globalization;
using GrpcPresence.Core.Domain;
using GrpcPresence.Core.Domain.ApiKeys;
using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Telemetry;
using GrpcPresence.Core.Tenants;
using GrpcPresence.Server.Security.Audit;
using GrpcPresence.Server.Security.Authentication;
using GrpcPresence.Server.Tests.Fixture;
using GrpcPresence.V1;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Time.Testing;
using ApiKey = GrpcPresence.Core.Domain.ApiKeys.ApiKey;
using ApiKeyRole = GrpcPresence.V1.ApiKeyRole;

namespace GrpcPresence.Server.Tests.Security;

/// <summary>Tests which acts have a line in the audit log when a caller makes very many.</summary>
public sealed class AuditLogTests
{
    private const int Many = AuditLimiter.PerCaller + 40;

    [Fact]
    public async Task Audit_Frequent_acts_are_counted_and_the_last_is_logged()
    {
        await using var guarded = await GuardedServer.StartAsync();
        for (var i = 0; i < Many; i++)
            await RenameAsync(guarded, guarded.Own, $"name {i}");
        var key = await guarded.NewKeyAsync(ApiKeyRole.Read, guarded.Own);
        await RenameAsync(guarded, guarded.Foreign, "name");

        const int Logged = AuditLimiter.PerCaller;
        Assert.Equal(Logged, Lines(guarded, "UpdateServiceInstance", guarded.Own));
        Assert.Equal(1, Lines(guarded, "UpdateServiceInstance", guarded.Foreign));
        Assert.Equal(1, Lines(guarded, "CreateApiKey", key.ApiKey.Sid));
        guarded.Time.Advance(TimeSpan.FromMinutes(1));
        Assert.Equal(1, Lines(guarded, $"{Many - Logged} more of UpdateServiceInstance", guarded.Own));
        await RenameAsync(guarded, guarded.Own, "next");
        Assert.Equal(Logged + 2, Lines(guarded, "UpdateServiceInstance", guarded.Own));
    }

    [Fact]
    public async Task Audit_Acts_on_API_keys_have_a_limited_number_of_lines_and_the_first_of_each_kind_has_one()
    {
        await using var guarded = await GuardedServer.StartAsync();
        var admin = await guarded.NewKeyAsync(ApiKeyRole.Admin, guarded.Own);
        var keys = guarded.KeysAs(GuardedServer.Basic(admin));
        var target = (await guarded.NewKeyAsync(ApiKeyRole.Read, guarded.Own)).ApiKey.Sid;
        guarded.Time.Advance(AuditLimiter.Window);

        for (var i = 0; i < Many; i++)
            await keys.RotateApiKeyAsync(new RotateApiKeyRequest { ApiKeySid = target });
        await keys.RevokeApiKeyAsync(new RevokeApiKeyRequest { ApiKeySid = target });

        // The first act needs no line of the limit.
        const int Logged = AuditLimiter.PerCaller + 1;
        Assert.Equal(Logged, Lines(guarded, $"RotateApiKey by {admin.ApiKey.Sid}", target));
        Assert.Equal(1, Lines(guarded, $"RevokeApiKey by {admin.ApiKey.Sid}", target));
        guarded.Time.Advance(TimeSpan.FromMinutes(1));
        Assert.Equal(1, Lines(guarded, $"{Many - Logged} more of RotateApiKey by {admin.ApiKey.Sid}", target));
    }

    [Fact]
    public void Audit_Acts_of_other_callers_hide_no_first_critical_act()
    {
        var world = new AuditWorld();
        foreach (var other in world.Keys(Limits.ApiKeysPerScope))
        {
            for (var i = 0; i < AuditLimiter.PerTenant; i++)
                world.Acquire(other, "CreateApiKey", isCritical: true);
        }
        var last = Assert.Single(world.Keys(1));

        Assert.True(world.Acquire(last, "CreateApiKey", isCritical: true));
        Assert.True(world.Acquire(last, "RevokeApiKey", isCritical: true));

        Assert.False(world.Acquire(last, "CreateApiKey", isCritical: true));
        Assert.False(world.Acquire(last, "DeleteUser", isCritical: false));
    }

    [Fact]
    public void Audit_One_caller_leaves_half_of_the_lines_to_the_others()
    {
        var world = new AuditWorld();
        var callers = world.Keys(3);

        var lines = callers.Select(caller => Enumerable.Range(0, Many).Count(_ => world.Acquire(caller, "DeleteUser", isCritical: false)));

        Assert.Equal([60, 30, 15], lines);
    }

    [Fact]
    public void Audit_Lines_of_one_service_instance_are_bounded_however_many_API_keys_it_creates()
    {
        var world = new AuditWorld();
        var established = world.Keys(Limits.ApiKeysPerScope);
        var lines = 0;

        foreach (var caller in established.Concat(world.NewKeys(20_000)))
        {
            for (var i = 0; i < 3; i++)
                lines += world.Acquire(caller, "RotateApiKey", isCritical: true) ? 1 : 0;
        }

        // All new keys together have one first act.
        Assert.Equal(AuditLimiter.PerTenant + Limits.ApiKeysPerScope + 1, lines);
    }

    [Fact]
    public void Audit_The_summary_has_every_suppressed_act_and_its_lines_are_bounded()
    {
        using var log = new LogRecorder();
        using var loggers = LoggerFactory.Create(builder => builder.AddProvider(log));
        var time = new FakeTimeProvider();
        using var acts = new SuppressedActs(time, loggers.CreateLogger<AuditLog>());
        const int Services = 2 * SuppressedActs.Tenants;
        const int Callers = 2 * SuppressedActs.PerTenant;

        for (var service = 1; service <= Services; service++)
        {
            for (var caller = 1; caller <= Callers; caller++)
            {
                acts.Add(new ServiceSid((UInt128)service), "DeleteUser", $"SK{caller}", "US1", "");
                acts.Add(new ServiceSid((UInt128)service), "DeleteUser", $"SK{caller}", "US2", "");
            }
        }

        time.Advance(TimeSpan.FromMinutes(1));
        const int Others = Callers - SuppressedActs.PerTenant;
        const int Elsewhere = Services - SuppressedActs.Tenants;
        Assert.Equal((SuppressedActs.Tenants * (SuppressedActs.PerTenant + 1)) + 1, log.Entries.Count);
        var first = new ServiceSid(1);
        Assert.Single(log.Entries, entry => entry.Text ==
            $"{2 * Others} more acts by {Others} other callers on {first} in the last minute: DeleteUser {2 * Others}");
        Assert.Single(log.Entries, entry => entry.Text == $"{2 * Callers * Elsewhere} more acts by {Callers} other callers on "
            + $"other service instances in the last minute: DeleteUser {2 * Callers * Elsewhere}");
        Assert.Equal(2 * Callers * Services, log.Entries.Sum(entry => int.Parse(entry.Text.Split(' ')[0], CultureInfo.InvariantCulture)));
        time.Advance(TimeSpan.FromMinutes(1));
        Assert.Equal((SuppressedActs.Tenants * (SuppressedActs.PerTenant + 1)) + 1, log.Entries.Count);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Audit_A_push_address_that_an_end_user_takes_from_another_is_logged(bool reachability)
    {
        await using var guarded = await GuardedServer.StartAsync();
        var key = await guarded.NewKeyAsync(ApiKeyRole.Service, guarded.Own);
        var backEnd = guarded.UsersAs(GuardedServer.Basic(key));
        await SwitchAsync(guarded, reachability);
        var bob = await CreateAsync("bob");
        var alice = await CreateAsync("alice");
        await BindAsync(backEnd, "bob", "token");

        var taken = await BindAsync(guarded.UsersAs(guarded.Bearer(key, "alice")), "alice", "token");
        await BindAsync(guarded.UsersAs(guarded.Bearer(key, "alice")), "alice", "token");
        await BindAsync(guarded.UsersAs(guarded.Bearer(key, "alice")), "alice", "own");

        var entry = Assert.Single(guarded.Server.Log.Entries, entry => entry.Text.StartsWith("SetPushBinding", StringComparison.Ordinal));
        Assert.Equal($"SetPushBinding by a user of {key.ApiKey.Sid}: {taken} taken from {bob} by {alice}", entry.Text);

        async Task<string> CreateAsync(string identity) =>
            (await backEnd.CreateUserAsync(new CreateUserRequest { ServiceSid = guarded.Own, Identity = identity })).User.Sid;

        async Task<string> BindAsync(UserService.UserServiceClient users, string identity, string endpoint) =>
            (await users.SetPushBindingAsync(new SetPushBindingRequest
            {
                ServiceSid = guarded.Own,
                UserKey = identity,
                BindingType = BindingType.Fcm,
                Endpoint = endpoint,
            })).PushBinding.Sid;
    }

    [Fact]
    public async Task Audit_End_users_that_take_many_addresses_have_few_lines_and_suppress_none_of_administrators()
    {
        await using var guarded = await GuardedServer.StartAsync();
        var key = await guarded.NewKeyAsync(ApiKeyRole.Service, guarded.Own);
        var backEnd = guarded.UsersAs(GuardedServer.Basic(key));
        string[] identities = ["alice", "bob"];
        foreach (var identity in identities)
            await backEnd.CreateUserAsync(new CreateUserRequest { ServiceSid = guarded.Own, Identity = identity });
        var users = identities.Select(identity => guarded.UsersAs(guarded.Bearer(key, identity))).ToArray();
        const int Takings = AuditLog.OfEndUsersPerTenant + 5;

        for (var i = 0; i <= Takings; i++)
        {
            guarded.Time.Advance(TimeSpan.FromSeconds(1)); // for the quota of writes
            await users[i % 2].SetPushBindingAsync(new SetPushBindingRequest
            {
                ServiceSid = guarded.Own,
                UserKey = identities[i % 2],
                BindingType = BindingType.Fcm,
                Endpoint = "token",
            });
        }
        await RenameAsync(guarded, guarded.Own, "name");

        Assert.Equal(AuditLog.OfEndUsersPerTenant, Lines(guarded, "SetPushBinding by a user of", key.ApiKey.Sid));
        Assert.Equal(1, Lines(guarded, "UpdateServiceInstance", guarded.Own));
        guarded.Time.Advance(TimeSpan.FromMinutes(1));
        Assert.Equal(1, Lines(guarded, "5 more of SetPushBinding by end users", "taken from"));
    }

    private static async Task SwitchAsync(GuardedServer guarded, bool reachability) =>
        await guarded.ConfigurationAs(guarded.Admin).UpdateConfigurationAsync(new UpdateConfigurationRequest
        {
            Configuration = new V1.Configuration { ServiceSid = guarded.Own, ReachabilityEnabled = reachability },
            UpdateMask = Google.Protobuf.WellKnownTypes.FieldMask.FromString("reachability_enabled"),
        });

    private static async Task RenameAsync(GuardedServer guarded, string service, string name) =>
        await guarded.ConfigurationAs(guarded.Admin).UpdateServiceInstanceAsync(new UpdateServiceInstanceRequest
        {
            ServiceInstance = new ServiceInstance { Sid = service, FriendlyName = name },
            UpdateMask = Google.Protobuf.WellKnownTypes.FieldMask.FromString("friendly_name"),
        });

    private static int Lines(GuardedServer guarded, string act, string subject) => guarded.Server.Log.Entries.Count(entry =>
        entry.Category == typeof(AuditLog).FullName && entry.Text.Contains(act, StringComparison.Ordinal)
        && entry.Text.Contains(subject, StringComparison.Ordinal));

    /// <summary>A limiter with API keys of one service instance.</summary>
    private sealed class AuditWorld
    {
        private static readonly ServiceSid Service = new(1);

        private readonly ApiKeyCache _keys = new();
        private readonly FakeTimeProvider _time = new();
        private readonly AuditLimiter _limiter;
        private int _created;

        public AuditWorld()
        {
            _limiter = new AuditLimiter(_keys, new PresenceMetrics(), _time);
        }

        /// <summary>Creates keys that are older than the window.</summary>
        public List<Caller> Keys(int count) => Create(count, _time.GetUtcNow() - AuditLimiter.Window);

        /// <summary>Creates keys now.</summary>
        public List<Caller> NewKeys(int count) => Create(count, _time.GetUtcNow());

        public bool Acquire(Caller caller, string act, bool isCritical) =>
            _limiter.TryAcquire(new AuditedAct(act, caller, Service, isCritical));

        private List<Caller> Create(int count, DateTimeOffset time)
        {
            var created = Enumerable.Range(_created + 1, count).Select(id => new ApiKey
            {
                Sid = new ApiKeySid((UInt128)id),
                FriendlyName = "",
                Role = Core.Domain.ApiKeys.ApiKeyRole.Admin,
                Scope = Service,
                Secret = new ApiKeySecret("", ""),
                CreateTime = time,
            }).ToList();
            _created += count;
            _keys.Apply(created, forgotten: []);
            return [.. created.Select(key => Caller.BackEnd(_keys.Find(key.Sid)!, secret: null))];
        }
    }
}
