using System.Text.Json.Serialization;

namespace GrpcPresence.Server.Rest.Errors;

/// <summary>Details of an error: its reason from the closed set, and its violations.</summary>
internal sealed record RestErrorDetails
{
    /// <summary>The reason, as <c>error_reason.proto</c> documents it, without its prefix.</summary>
    public required string Reason { get; init; }

    /// <summary>All violations of the request.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public IReadOnlyList<RestViolation>? Violations { get; init; }

    /// <summary>The id under which the log has the details of an INTERNAL error.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? CorrelationId { get; init; }
}
