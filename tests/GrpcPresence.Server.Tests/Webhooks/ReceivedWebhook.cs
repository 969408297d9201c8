namespace GrpcPresence.Server.Tests.Webhooks;

/// <summary>A webhook request as a back end receives it.</summary>
internal sealed record ReceivedWebhook(
    string Method, string Url, IReadOnlyDictionary<string, string> Headers, IReadOnlyDictionary<string, string> Parameters)
{
    public string EventType => Parameters["EventType"];
}
