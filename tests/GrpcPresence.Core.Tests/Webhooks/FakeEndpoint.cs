using System.Threading.Channels;
using GrpcPresence.Core.Webhooks;

namespace GrpcPresence.Core.Tests.Webhooks;

/// <summary>An endpoint that records the events, and returns the outcomes that the test chooses.</summary>
internal sealed class FakeEndpoint : IWebhookSender
{
    private readonly Channel<WebhookDelivery> _tried = Channel.CreateUnbounded<WebhookDelivery>();
    private readonly Lock _gate = new(); // guards the fields below
    private readonly List<WebhookDelivery> _taken = [];
    private int _atOnce;

    /// <summary>The answer to an event, at once or later.</summary>
    public Func<WebhookDelivery, CancellationToken, Task<WebhookOutcome>> Answer { get; set; } =
        (_, _) => Task.FromResult(WebhookOutcome.Taken);

    /// <summary>Every attempt, in order of its start.</summary>
    public ChannelReader<WebhookDelivery> Tried => _tried.Reader;

    /// <summary>The events that the endpoint took.</summary>
    public IReadOnlyList<WebhookDelivery> Taken
    {
        get
        {
            lock (_gate)
                return [.. _taken];
        }
    }

    /// <summary>The largest number of concurrent attempts.</summary>
    public int MostAtOnce { get; private set; }

    /// <summary>Answers every event with this outcome.</summary>
    public void AnswerAll(WebhookOutcome outcome) => Answer = (_, _) => Task.FromResult(outcome);

    /// <summary>Answers each event at once with the outcome of the function.</summary>
    public void AnswerBy(Func<WebhookDelivery, WebhookOutcome> answer) => Answer = (delivery, _) => Task.FromResult(answer(delivery));

    public async Task<WebhookOutcome> SendAsync(WebhookDelivery delivery, CancellationToken cancellationToken)
    {
        var answer = Answer; // a copy, because a test that sees the attempt may replace the answer
        lock (_gate)
            MostAtOnce = Math.Max(MostAtOnce, ++_atOnce);
        _tried.Writer.TryWrite(delivery);
        try
        {
            var outcome = await answer(delivery, cancellationToken);
            if (outcome == WebhookOutcome.Taken)
            {
                lock (_gate)
                    _taken.Add(delivery);
            }
            return outcome;
        }
        finally
        {
            lock (_gate)
                _atOnce--;
        }
    }
}
