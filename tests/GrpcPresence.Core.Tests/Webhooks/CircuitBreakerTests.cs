using GrpcPresence.Core.Domain;
using GrpcPresence.Core.Webhooks;
using Microsoft.Extensions.Time.Testing;

namespace GrpcPresence.Core.Tests.Webhooks;

public sealed class CircuitBreakerTests
{
    private readonly FakeTimeProvider _time = new(DateTimeOffset.MinValue); // GetElapsedTime rounds large timestamps to some ticks
    private readonly Signal _listener = new();
    private readonly CircuitBreakers _breakers;
    private readonly CircuitBreaker _breaker;

    public CircuitBreakerTests()
    {
        _breakers = new CircuitBreakers(new Random(1), _time);
        _breaker = _breakers.Subscribe("https://example.com/", _listener);
    }

    [Fact]
    public void The_circuit_opens_after_five_failures_in_a_row_and_not_before()
    {
        for (var i = 1; i < Limits.WebhookFailuresToOpen; i++)
            Fail();
        _breaker.Report(_breaker.Enter(), WebhookOutcome.Taken, isRetry: false);
        for (var i = 1; i < Limits.WebhookFailuresToOpen; i++)
            Fail();
        Assert.Equal(CircuitState.Closed, _breaker.Enter());

        Fail();

        Assert.Equal(CircuitState.Open, _breaker.Enter());
        Assert.Equal(1, _breakers.OpenCount);
        Assert.True(_listener.IsSet);
    }

    [Fact]
    public void The_wait_for_a_trial_is_never_negative_however_the_clock_runs_on_while_it_is_asked()
    {
        Open();
        _time.AutoAdvanceAmount = TimeSpan.FromMilliseconds(10); // passes whenever somebody looks

        TimeSpan? wait;
        do
        {
            wait = _breaker.Delay;
            Assert.True(wait >= TimeSpan.Zero, $"The wait is {wait}.");
        }
        while (wait > TimeSpan.Zero);
    }

    [Fact]
    public void A_trial_that_fails_after_the_receiver_took_something_else_opens_nothing()
    {
        var early = _breaker.Enter();
        for (var i = 0; i < Limits.WebhookFailuresToOpen; i++)
            Fail();
        _time.Advance(Limits.MinWebhookBackoff);
        var trial = _breaker.Enter();
        Assert.Equal(CircuitState.HalfOpen, trial);

        _breaker.Report(early, WebhookOutcome.Taken, isRetry: false);
        _breaker.Report(trial, WebhookOutcome.Failed, isRetry: false);

        Assert.Equal(CircuitState.Closed, _breaker.Enter());
    }

    [Fact]
    public void The_same_user_failing_again_and_again_opens_no_breaker()
    {
        for (var i = 0; i < 100; i++)
            _breaker.Report(_breaker.Enter(), WebhookOutcome.Failed, isRetry: i > 0);

        Assert.Equal(CircuitState.Closed, _breaker.Enter());
    }

    [Fact]
    public void An_open_circuit_lets_one_trial_through_after_the_pause_and_a_success_closes_it()
    {
        Open();
        _time.Advance(Limits.MinWebhookBackoff);

        Assert.Equal(CircuitState.HalfOpen, _breaker.Enter());
        Assert.Equal(CircuitState.Open, _breaker.Enter());
        Assert.Null(_breaker.Delay);
        _breaker.Report(CircuitState.HalfOpen, WebhookOutcome.Taken, isRetry: true);

        Assert.Equal(CircuitState.Closed, _breaker.Enter());
        Assert.Equal(TimeSpan.Zero, _breaker.Delay);
    }

    [Fact]
    public void A_receiver_that_refuses_lives() // for it answers
    {
        Open();
        _time.Advance(Limits.MinWebhookBackoff);
        _breaker.Report(_breaker.Enter(), WebhookOutcome.Refused, isRetry: false);

        Assert.Equal(CircuitState.Closed, _breaker.Enter());
        Assert.Equal(0, _breaker.TakenCount);
    }

    [Fact]
    public void Each_trial_that_fails_doubles_the_pause_up_to_five_minutes()
    {
        Open();
        for (var expected = Limits.MinWebhookBackoff; expected < Limits.MaxWebhookBackoff; expected *= 2)
            FailTrialAfter(expected);
        for (var i = 0; i < 40; i++)
            FailTrialAfter(Limits.MaxWebhookBackoff);

        void FailTrialAfter(TimeSpan pause)
        {
            var wait = _breaker.Delay!.Value;
            Assert.InRange(wait, pause * (1 - Limits.WebhookBackoffJitter), pause);
            _time.Advance(wait - TimeSpan.FromTicks(1));
            Assert.Equal(CircuitState.Open, _breaker.Enter());
            _time.Advance(TimeSpan.FromTicks(1));
            _breaker.Report(_breaker.Enter(), WebhookOutcome.Failed, isRetry: true);
        }
    }

    [Fact]
    public void A_trial_that_is_given_up_leaves_room_for_another()
    {
        Open();
        _time.Advance(Limits.MinWebhookBackoff);
        _breaker.Cancel(_breaker.Enter());

        Assert.Equal(CircuitState.HalfOpen, _breaker.Enter());
    }

    [Fact]
    public void A_circuit_that_nobody_listens_to_is_forgotten()
    {
        Open();
        _breakers.Unsubscribe(_breaker, _listener);

        Assert.Equal(0, _breakers.OpenCount);
        Assert.NotSame(_breaker, _breakers.Subscribe(_breaker.Url, _listener));
    }

    private void Open()
    {
        for (var i = 0; i < Limits.WebhookFailuresToOpen; i++)
            Fail();
    }

    private void Fail() => _breaker.Report(_breaker.Enter(), WebhookOutcome.Failed, isRetry: false);
}
