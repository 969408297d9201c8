using GrpcPresence.Core.Domain.Users;
using GrpcPresence.Core.Webhooks;

namespace GrpcPresence.Core.Tests.Webhooks;

/// <summary>
/// What a back end may believe: it takes the profile from a creation, and from an update only the properties that the reasons name. A
/// missing reachability value means that it is unknown. It drops an event with the same state as an earlier one, whatever the reasons, as a
/// back end does that compares idempotency tokens.
/// </summary>
internal sealed class BackEndModel : IWebhookSender
{
    private static readonly Belief Nothing = new("not created", "not created", null, null);

    private readonly Lock _gate = new(); // guards the fields below: the endpoint sends events of several users at the same time
    private readonly Dictionary<UserSid, Belief> _beliefs = [];
    private readonly HashSet<object> _tokens = [];
    private readonly Random _chances;
    private int _received;

    public BackEndModel(int seed) => _chances = new Random(seed);

    /// <summary>One attempt in so many fails; 0 lets none fail, 1 all.</summary>
    public int FailsOneIn { get; set; }

    /// <summary>The number of events that arrived.</summary>
    public int Received
    {
        get
        {
            lock (_gate)
                return _received;
        }
    }

    /// <summary>Returns what the back end believes of a user.</summary>
    public Belief Of(UserSid user)
    {
        lock (_gate)
            return _beliefs.GetValueOrDefault(user, Nothing);
    }

    /// <summary>Returns the belief that a state should lead to.</summary>
    public static Belief True(UserState user) =>
        new(user.Record!.FriendlyName, user.Record.Attributes, user.IsOnline, user.IsNotifiable);

    public Task<WebhookOutcome> SendAsync(WebhookDelivery delivery, CancellationToken cancellationToken)
    {
        lock (_gate)
        {
            var fails = FailsOneIn > 0 && _chances.Next(FailsOneIn) == 0;
            // An attempt that fails may have arrived: only its answer was lost.
            if (!fails || _chances.Next(2) == 0)
                Take(delivery);
            return Task.FromResult(fails ? WebhookOutcome.Failed : WebhookOutcome.Taken);
        }
    }

    private void Take(WebhookDelivery delivery)
    {
        var (now, reasons) = (True(delivery.User), delivery.Reasons);
        if (!_tokens.Add((delivery.User.Sid, delivery.EventType, delivery.Epoch, delivery.User.Revision, now)))
            return;
        _received++;
        var before = _beliefs.GetValueOrDefault(delivery.User.Sid, Nothing);
        _beliefs[delivery.User.Sid] = new Belief(
            Has(UpdateReasons.Created | UpdateReasons.FriendlyName) ? now.Name : before.Name,
            Has(UpdateReasons.Created | UpdateReasons.Attributes) ? now.Attributes : before.Attributes,
            Has(UpdateReasons.ReachabilityOnline) ? now.IsOnline : before.IsOnline,
            Has(UpdateReasons.ReachabilityNotifiable) ? now.IsNotifiable : before.IsNotifiable);

        bool Has(UpdateReasons any) => (reasons & any) != UpdateReasons.None;
    }
}

/// <summary>What a back end believes of a user.</summary>
internal sealed record Belief(string Name, string Attributes, bool? IsOnline, bool? IsNotifiable);
