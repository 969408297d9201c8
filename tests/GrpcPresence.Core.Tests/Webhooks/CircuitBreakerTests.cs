using GrpcPresence.Core.Domain;
using GrpcPresence.Core.Threading;
using GrpcPresence.Core.Webhooks;
using Microsoft.Extensions.Time.Testing;

namespace GrpcPresence.Core.Tests.Webhooks;

public sealed class CircuitBreakerTests
{
    private readonly FakeTimeProvider _time = new(DateTimeOffset.MinValue); // GetElapsedTime rounds large timestamps to some ticks
    private readonly AsyncAutoResetEvent _stateChanged = new();
    private readonly CircuitBreakers _breakers;
    private readonly CircuitBreaker _breaker;

    public CircuitBreakerTests()
    {
        _breakers = new CircuitBreakers(new Random(1), _time);
        _breaker = _breakers.Add("https://example.com/", _stateChanged);
    }

    [Fact]
    public void The_breaker_opens_after_five_failures_in_a_row_and_not_before()
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
        Assert.True(_stateChanged.IsSet);
    }

    [Fact]
    public void The_delay_is_never_negative_even_when_the_clock_advances_between_two_readings()
    {
        Open();
        _time.AutoAdvanceAmount = TimeSpan.FromMilliseconds(10); // advances at each reading

        TimeSpan? wait;
        do
        {
            wait = _breaker.Delay;
            Assert.True(wait >= TimeSpan.Zero, $"The delay is {wait}; it must not be negative.");
        }
        while (wait > TimeSpan.Zero);
    }

    [Fact]
    public void A_failed_trial_does_not_open_a_breaker_that_an_earlier_request_closed()
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
    public void Repeated_failures_of_one_user_do_not_open_the_breaker()
    {
        for (var i = 0; i < 100; i++)
            _breaker.Report(_breaker.Enter(), WebhookOutcome.Failed, isRetry: i > 0);

        Assert.Equal(CircuitState.Closed, _breaker.Enter());
    }

    [Fact]
    public void An_open_breaker_admits_one_trial_after_the_delay_and_a_success_closes_it()
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
    public void A_rejection_closes_the_breaker_because_the_endpoint_answered()
    {
        Open();
        _time.Advance(Limits.MinWebhookBackoff);
        _breaker.Report(_breaker.Enter(), WebhookOutcome.Refused, isRetry: false);

        Assert.Equal(CircuitState.Closed, _breaker.Enter());
        Assert.Equal(0, _breaker.TakenCount);
    }

    [Fact]
    public void Each_failed_trial_doubles_the_delay_up_to_five_minutes()
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
    public void After_a_success_the_delay_begins_at_its_minimum_again()
    {
        Open();
        _time.Advance(Limits.MinWebhookBackoff);
        _breaker.Report(_breaker.Enter(), WebhookOutcome.Failed, isRetry: true);
        Assert.True(_breaker.Delay > Limits.MinWebhookBackoff);
        _time.Advance(_breaker.Delay.Value);
        _breaker.Report(_breaker.Enter(), WebhookOutcome.Taken, isRetry: true);

        Open();

        Assert.InRange(_breaker.Delay!.Value, TimeSpan.Zero, Limits.MinWebhookBackoff);
    }

    [Fact]
    public void A_cancelled_trial_allows_another()
    {
        Open();
        _time.Advance(Limits.MinWebhookBackoff);
        _breaker.Cancel(_breaker.Enter());

        Assert.Equal(CircuitState.HalfOpen, _breaker.Enter());
    }

    [Fact]
    public void The_failures_of_one_service_instance_leave_the_breakers_of_others_with_the_same_URL_closed()
    {
        var other = _breakers.Add(_breaker.Url, new AsyncAutoResetEvent());

        Open();

        Assert.Equal(CircuitState.Open, _breaker.Enter());
        Assert.Equal(CircuitState.Closed, other.Enter());
        Assert.Equal(1, _breakers.OpenCount);
    }

    [Fact]
    public void A_deferred_event_is_neither_a_failure_nor_a_success()
    {
        for (var i = 0; i < 2 * Limits.WebhookFailuresToOpen; i++)
            _breaker.Report(_breaker.Enter(), WebhookOutcome.Deferred, isRetry: false);
        Assert.Equal(CircuitState.Closed, _breaker.Enter());

        Open();
        _time.Advance(Limits.MinWebhookBackoff);
        _breaker.Report(_breaker.Enter(), WebhookOutcome.Deferred, isRetry: false);
        Assert.Equal(CircuitState.Open, _breaker.Enter());
    }

    [Fact]
    public void A_removed_breaker_is_forgotten()
    {
        Open();
        _breakers.Remove(_breaker);

        Assert.Equal((0, 0), (_breakers.Count, _breakers.OpenCount));
    }

    private void Open()
    {
        for (var i = 0; i < Limits.WebhookFailuresToOpen; i++)
            Fail();
    }

    private void Fail() => _breaker.Report(_breaker.Enter(), WebhookOutcome.Failed, isRetry: false);
}
