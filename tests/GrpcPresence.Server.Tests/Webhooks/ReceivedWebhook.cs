namespace GrpcPresence.Server.Tests.Webhooks;

/// <summary>A request as a back end sees it.</summary>
internal sealed record ReceivedWebhook(
    string Method, string Url, IReadOnlyDictionary<string, string> Headers, IReadOnlyDictionary<string, string> Parameters)
{
    public string EventType => Parameters["EventType"];
}
