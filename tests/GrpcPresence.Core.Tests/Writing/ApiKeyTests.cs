using GrpcPresence.Core.Domain;
using GrpcPresence.Core.Domain.ApiKeys;
using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Tests.Fixture;
using GrpcPresence.Core.Writing.Commands;
using GrpcPresence.Testing;

namespace GrpcPresence.Core.Tests.Writing;

/// <summary>What the writer decides about API keys, and for which callers.</summary>
public sealed class ApiKeyTests : IDisposable
{
    private readonly World _world = new();
    private int _keys;

    public void Dispose() => _world.Dispose();

    [Fact]
    public async Task Keys_A_call_made_before_the_revocation_of_its_key_is_rejected_if_it_is_decided_after()
    {
        var key = await _world.Do(NewKey());
        var revoked = _world.Queue.SubmitAsync(new RevokeApiKey(key.Sid));
        var created = NewKey();
        created.Actor = key.Sid;
        var escaped = _world.Queue.SubmitAsync(created);
        _world.Write();

        await revoked;
        Assert.Equal(ErrorReason.ApiKeyRevoked, (await Assert.ThrowsAsync<PresenceException>(() => escaped)).Reason);
        Assert.Single(_world.Keys.List());
    }

    [Fact]
    public async Task Audit_An_act_whose_commit_was_in_doubt_but_happened_is_recorded()
    {
        var key = await _world.Do(NewKey());
        var recorded = 0;
        _world.Store.Faults.FailCommit(CommitFault.AfterEffect);
        var revoked = _world.Queue.SubmitAsync(new RevokeApiKey(key.Sid) { Committed = _ => recorded++ });
        // A read, the commit; then the reopening fails as well.
        _world.Store.Faults.FailOperation(3);
        _world.Writer.WriteOnce();
        await Assert.ThrowsAsync<StorageException>(() => revoked);
        Assert.Equal(0, recorded);

        await _world.NewService();

        Assert.Equal(1, recorded);
        Assert.True(Assert.Single(_world.Keys.List()).IsRevoked);
    }

    [Fact]
    public async Task Keys_Each_scope_has_a_bounded_number_in_force()
    {
        var service = await _world.NewService();
        for (var i = 0; i < Limits.ApiKeysPerScope; i++)
            await _world.Do(NewKey(service.Sid));

        var error = await Assert.ThrowsAsync<PresenceException>(() => _world.Do(NewKey(service.Sid)));

        Assert.Equal(ErrorReason.ApiKeyLimitExceeded, error.Reason);
        await _world.Do(NewKey());
    }

    [Fact]
    public async Task Keys_Each_scope_remembers_a_bounded_number_of_revoked_ones()
    {
        var service = await _world.NewService();
        var other = await _world.Do(NewKey());
        await _world.Do(new RevokeApiKey(other.Sid));
        ApiKey? first = null;
        for (var i = 0; i <= Limits.RevokedApiKeysPerScope; i++)
        {
            var key = await _world.Do(NewKey(service.Sid));
            first ??= key;
            await _world.Do(new RevokeApiKey(key.Sid));
        }

        var stored = await _world.Store.ListApiKeysAsync(CancellationToken.None);
        Assert.Equal(Limits.RevokedApiKeysPerScope + 1, stored.Count);
        Assert.Equal(stored.Select(key => key.Sid), _world.Keys.List().Select(key => key.Sid));
        Assert.Null(_world.Keys.Find(first!.Sid));
        Assert.NotNull(_world.Keys.Find(other.Sid));
    }

    [Fact]
    public async Task Keys_A_secret_that_was_replaced_does_not_count_again_when_the_clock_is_set_back()
    {
        var key = await _world.Do(NewKey());
        var rotated = await _world.Do(new RotateApiKey(key.Sid, new ApiKeySecret("salt", "new"), TimeSpan.Zero));
        _world.Time.StepWallClock(-TimeSpan.FromHours(1));

        Assert.False(rotated.Accepts(key.Secret, _world.Time.GetUtcNow()));
    }

    [Fact]
    public async Task Keys_A_revoked_key_is_not_rotated_and_keeps_its_first_revocation()
    {
        var key = await _world.Do(NewKey());
        var revoked = await _world.Do(new RevokeApiKey(key.Sid));
        _world.Time.Advance(TimeSpan.FromMinutes(1));

        var rotation = await Assert.ThrowsAsync<PresenceException>(
            () => _world.Do(new RotateApiKey(key.Sid, new ApiKeySecret("salt", "new"), TimeSpan.FromHours(1))));
        var again = await _world.Do(new RevokeApiKey(key.Sid));

        Assert.Equal(ErrorReason.ApiKeyNotFound, rotation.Reason);
        Assert.Equal(revoked, again);
        Assert.Equal(revoked, _world.Keys.Find(key.Sid)!.Current);
    }

    private CreateApiKey NewKey(ServiceSid? scope = null) =>
        new(new ApiKeySid((UInt128)(++_keys)), new ApiKeySecret("salt", $"hash-{_keys}"), "", ApiKeyRole.Admin, scope, "");
}
