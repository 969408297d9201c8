namespace GrpcPresence.Core.Webhooks;

/// <summary>The names of outcomes in the tags of metrics.</summary>
internal static class OutcomeNames
{
    /// <summary>What failed too often and is not tried again.</summary>
    public const string GivenUp = "given_up";

    /// <summary>The name of the outcome.</summary>
    public static string Of(WebhookOutcome outcome) => outcome switch
    {
        WebhookOutcome.Taken => "taken",
        WebhookOutcome.Refused => "refused",
        _ => "failed",
    };
}
