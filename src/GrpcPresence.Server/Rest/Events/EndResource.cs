using System.Text.Json.Serialization;

namespace GrpcPresence.Server.Rest.Events;

/// <summary>The event that ends a watch.</summary>
/// <param name="Reason">The reason, as <c>error_reason.proto</c> documents it, without its prefix.</param>
/// <param name="Message">A message for people.</param>
internal sealed record EndResource(string Reason, string Message)
{
    /// <summary>The id under which the log has the details of an INTERNAL error.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? CorrelationId { get; init; }
}
