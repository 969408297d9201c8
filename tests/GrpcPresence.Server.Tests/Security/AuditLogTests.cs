using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Server.Security.Audit;
using GrpcPresence.Server.Tests.Fixture;
using GrpcPresence.V1;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Time.Testing;

namespace GrpcPresence.Server.Tests.Security;

/// <summary>Tests which acts have a line in the audit log when a caller makes very many.</summary>
public sealed class AuditLogTests
{
    private const int Many = AuditLog.PerTenant + 40;

    [Fact]
    public async Task Audit_Frequent_acts_are_counted_and_the_last_is_logged()
    {
        await using var guarded = await GuardedServer.StartAsync();
        for (var i = 0; i < Many; i++)
            await RenameAsync(guarded, guarded.Own, $"name {i}");
        var key = await guarded.NewKeyAsync(ApiKeyRole.Read, guarded.Own);
        await RenameAsync(guarded, guarded.Foreign, "name");

        // The fixture switched reachability on, which has one of the lines.
        const int Logged = AuditLog.PerTenant - 1;
        Assert.Equal(Logged, Lines(guarded, "UpdateServiceInstance", guarded.Own));
        Assert.Equal(1, Lines(guarded, "UpdateServiceInstance", guarded.Foreign));
        Assert.Equal(1, Lines(guarded, "CreateApiKey", key.ApiKey.Sid));
        guarded.Time.Advance(TimeSpan.FromMinutes(1));
        Assert.Equal(1, Lines(guarded, $"{Many - Logged} more of UpdateServiceInstance", guarded.Own));
        await RenameAsync(guarded, guarded.Own, "next");
        Assert.Equal(Logged + 2, Lines(guarded, "UpdateServiceInstance", guarded.Own));
    }

    [Fact]
    public void Audit_Suppressed_acts_take_bounded_memory_and_lines()
    {
        using var log = new LogRecorder();
        using var loggers = LoggerFactory.Create(builder => builder.AddProvider(log));
        var time = new FakeTimeProvider();
        using var acts = new SuppressedActs(time, loggers.CreateLogger<AuditLog>());

        for (var service = 1; service <= 2 * SuppressedActs.Tenants; service++)
        {
            for (var caller = 1; caller <= 2 * SuppressedActs.PerTenant; caller++)
                acts.Add(new ServiceSid((UInt128)service), "DeleteUser", $"SK{caller}", "US1", "");
        }

        time.Advance(TimeSpan.FromMinutes(1));
        Assert.Equal(SuppressedActs.Tenants * SuppressedActs.PerTenant, log.Entries.Count);
        time.Advance(TimeSpan.FromMinutes(1));
        Assert.Equal(SuppressedActs.Tenants * SuppressedActs.PerTenant, log.Entries.Count);
    }

    private static async Task RenameAsync(GuardedServer guarded, string service, string name) =>
        await guarded.ConfigurationAs(guarded.Admin).UpdateServiceInstanceAsync(new UpdateServiceInstanceRequest
        {
            ServiceInstance = new ServiceInstance { Sid = service, FriendlyName = name },
            UpdateMask = Google.Protobuf.WellKnownTypes.FieldMask.FromString("friendly_name"),
        });

    private static int Lines(GuardedServer guarded, string act, string subject) => guarded.Server.Log.Entries.Count(entry =>
        entry.Category == typeof(AuditLog).FullName && entry.Text.Contains(act, StringComparison.Ordinal)
        && entry.Text.Contains(subject, StringComparison.Ordinal));
}
