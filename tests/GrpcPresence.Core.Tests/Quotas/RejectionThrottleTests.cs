using GrpcPresence.Core.Domain;

namespace GrpcPresence.Core.Tests.Quotas;

/// <summary>Tests that the quota errors of one caller are delayed once they exceed a rate.</summary>
public sealed class RejectionThrottleTests : IDisposable
{
    private readonly QuotaWorld _world = new();

    public void Dispose() => _world.Dispose();

    [Fact]
    public async Task The_first_rejections_of_a_second_are_sent_at_once_and_the_rest_one_or_two_seconds_later()
    {
        Prompt(Limits.PromptRejectionsPerSecond);
        var late = Hold();
        _world.Time.Advance(Limits.RejectionDelay - TimeSpan.FromTicks(1));
        Assert.False(late.IsCompleted);

        _world.Time.Advance(Limits.MaxRejectionDelay - Limits.RejectionDelay + TimeSpan.FromTicks(1));
        await late;
        Prompt(Limits.PromptRejectionsPerSecond);
    }

    [Fact]
    public void Calls_rejected_together_are_not_answered_together()
    {
        const int Calls = 200;
        const int Steps = 10;
        const int Slack = 2;
        Prompt(Limits.PromptRejectionsPerSecond);
        var held = Enumerable.Range(0, Calls).Select(_ => Hold()).ToList();
        _world.Time.Advance(Limits.RejectionDelay);

        for (var step = 1; step <= Steps; step++)
        {
            _world.Time.Advance((Limits.MaxRejectionDelay - Limits.RejectionDelay) / Steps);
            var due = Calls / Steps * step;
            Assert.True(SpinWait.SpinUntil(() => Answered() >= due - Slack, TimeSpan.FromSeconds(10)));
            Assert.InRange(Answered(), due - Slack, due + Slack);
        }

        int Answered() => held.Count(task => task.IsCompleted);
    }

    [Fact]
    public void Rejections_of_one_caller_do_not_delay_those_of_others()
    {
        Prompt(Limits.PromptRejectionsPerSecond);
        Assert.False(Hold().IsCompleted);

        Assert.True(Hold("bob").IsCompletedSuccessfully);
    }

    [Fact]
    public async Task The_number_of_delayed_rejections_is_limited()
    {
        Prompt(Limits.PromptRejectionsPerSecond);
        var held = Enumerable.Range(0, Limits.HeldRejections).Select(_ => Hold()).ToList();
        Assert.DoesNotContain(held, task => task.IsCompleted);
        Assert.True(Hold().IsCompletedSuccessfully);

        _world.Time.Advance(Limits.MaxRejectionDelay);
        await Task.WhenAll(held);
        Prompt(Limits.PromptRejectionsPerSecond);
        Assert.False(Hold().IsCompleted);
    }

    [Fact]
    public async Task A_call_that_has_ended_is_no_longer_delayed()
    {
        Prompt(Limits.PromptRejectionsPerSecond);
        using var over = new CancellationTokenSource();
        var held = Enumerable.Range(0, Limits.HeldRejections).Select(_ => Hold("ada", over.Token)).ToList();
        await over.CancelAsync();
        foreach (var task in held)
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => task);

        Assert.False(Hold().IsCompleted);
    }

    private void Prompt(int count)
    {
        for (var i = 0; i < count; i++)
            Assert.True(Hold().IsCompletedSuccessfully);
    }

    private Task Hold(string identity = "ada") => Hold(identity, TestContext.Current.CancellationToken);

    private Task Hold(string identity, CancellationToken cancellationToken) =>
        _world.Limiter.HoldRejectionAsync(_world.User(identity), cancellationToken).AsTask();
}
