using GrpcPresence.Core.Domain;
using GrpcPresence.Core.Threading;
using GrpcPresence.Core.Webhooks;
using Microsoft.Extensions.Time.Testing;

namespace GrpcPresence.Core.Tests.Webhooks;

public sealed class CircuitTests
{
    private readonly FakeTimeProvider _time = new(DateTimeOffset.MinValue); // GetElapsedTime rounds large timestamps to some ticks
    private readonly AsyncAutoResetEvent _listener = new();
    private readonly CircuitBoard _board;
    private readonly Circuit _circuit;

    public CircuitTests()
    {
        _board = new CircuitBoard(new Random(1), _time);
        _circuit = _board.Attach("https://example.com/", _listener);
    }

    [Fact]
    public void The_circuit_opens_after_five_failures_in_a_row_and_not_before()
    {
        for (var i = 1; i < Limits.WebhookFailuresToOpen; i++)
            Fail();
        _circuit.Report(_circuit.Enter(), WebhookOutcome.Taken, isRepeat: false);
        for (var i = 1; i < Limits.WebhookFailuresToOpen; i++)
            Fail();
        Assert.Equal(Permit.Free, _circuit.Enter());

        Fail();

        Assert.Equal(Permit.None, _circuit.Enter());
        Assert.Equal(1, _board.OpenCount);
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
            wait = _circuit.Wait;
            Assert.True(wait >= TimeSpan.Zero, $"The wait is {wait}.");
        }
        while (wait > TimeSpan.Zero);
    }

    [Fact]
    public void A_trial_that_fails_after_the_receiver_took_something_else_opens_nothing()
    {
        var early = _circuit.Enter();
        for (var i = 0; i < Limits.WebhookFailuresToOpen; i++)
            Fail();
        _time.Advance(Limits.MinWebhookBackoff);
        var trial = _circuit.Enter();
        Assert.Equal(Permit.Trial, trial);

        _circuit.Report(early, WebhookOutcome.Taken, isRepeat: false);
        _circuit.Report(trial, WebhookOutcome.Failed, isRepeat: false);

        Assert.Equal(Permit.Free, _circuit.Enter());
    }

    [Fact]
    public void The_same_user_failing_again_and_again_opens_no_circuit()
    {
        for (var i = 0; i < 100; i++)
            _circuit.Report(_circuit.Enter(), WebhookOutcome.Failed, isRepeat: i > 0);

        Assert.Equal(Permit.Free, _circuit.Enter());
    }

    [Fact]
    public void An_open_circuit_lets_one_trial_through_after_the_pause_and_a_success_closes_it()
    {
        Open();
        _time.Advance(Limits.MinWebhookBackoff);

        Assert.Equal(Permit.Trial, _circuit.Enter());
        Assert.Equal(Permit.None, _circuit.Enter());
        Assert.Null(_circuit.Wait);
        _circuit.Report(Permit.Trial, WebhookOutcome.Taken, isRepeat: true);

        Assert.Equal(Permit.Free, _circuit.Enter());
        Assert.Equal(TimeSpan.Zero, _circuit.Wait);
    }

    [Fact]
    public void A_receiver_that_refuses_lives() // for it answers
    {
        Open();
        _time.Advance(Limits.MinWebhookBackoff);
        _circuit.Report(_circuit.Enter(), WebhookOutcome.Refused, isRepeat: false);

        Assert.Equal(Permit.Free, _circuit.Enter());
        Assert.Equal(0, _circuit.Taken);
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
            var wait = _circuit.Wait!.Value;
            Assert.InRange(wait, pause * (1 - Limits.WebhookBackoffJitter), pause);
            _time.Advance(wait - TimeSpan.FromTicks(1));
            Assert.Equal(Permit.None, _circuit.Enter());
            _time.Advance(TimeSpan.FromTicks(1));
            _circuit.Report(_circuit.Enter(), WebhookOutcome.Failed, isRepeat: true);
        }
    }

    [Fact]
    public void A_trial_that_is_given_up_leaves_room_for_another()
    {
        Open();
        _time.Advance(Limits.MinWebhookBackoff);
        _circuit.GiveUp(_circuit.Enter());

        Assert.Equal(Permit.Trial, _circuit.Enter());
    }

    [Fact]
    public void A_circuit_that_nobody_listens_to_is_forgotten()
    {
        Open();
        _board.Detach(_circuit, _listener);

        Assert.Equal(0, _board.OpenCount);
        Assert.NotSame(_circuit, _board.Attach(_circuit.Url, _listener));
    }

    private void Open()
    {
        for (var i = 0; i < Limits.WebhookFailuresToOpen; i++)
            Fail();
    }

    private void Fail() => _circuit.Report(_circuit.Enter(), WebhookOutcome.Failed, isRepeat: false);
}
