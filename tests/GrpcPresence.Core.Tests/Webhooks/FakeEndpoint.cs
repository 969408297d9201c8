using System.Threading.Channels;
using GrpcPresence.Core.Webhooks;

namespace GrpcPresence.Core.Tests.Webhooks;

/// <summary>A receiver that keeps what it is told and answers as the test says.</summary>
internal sealed class FakeEndpoint : IWebhookSender
{
    private readonly Channel<WebhookDelivery> _tried = Channel.CreateUnbounded<WebhookDelivery>();
    private readonly Lock _gate = new(); // guards the fields below
    private readonly List<WebhookDelivery> _taken = [];
    private int _atOnce;

    /// <summary>What is answered, at once or later.</summary>
    public Func<WebhookDelivery, CancellationToken, Task<WebhookOutcome>> Answer { get; set; } = (_, _) => Task.FromResult(WebhookOutcome.Taken);

    /// <summary>Every try, in the order in which they began.</summary>
    public ChannelReader<WebhookDelivery> Tried => _tried.Reader;

    /// <summary>What was taken.</summary>
    public IReadOnlyList<WebhookDelivery> Taken
    {
        get
        {
            lock (_gate)
                return [.. _taken];
        }
    }

    /// <summary>The most tries that were under way at the same time.</summary>
    public int MostAtOnce { get; private set; }

    /// <summary>Answers the same to everything.</summary>
    public void AnswerAll(WebhookOutcome outcome) => Answer = (_, _) => Task.FromResult(outcome);

    /// <summary>Answers at once, as the function says.</summary>
    public void AnswerBy(Func<WebhookDelivery, WebhookOutcome> answer) => Answer = (delivery, _) => Task.FromResult(answer(delivery));

    public async Task<WebhookOutcome> SendAsync(WebhookDelivery delivery, CancellationToken cancellationToken)
    {
        var answer = Answer; // who sees the try may change it
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
