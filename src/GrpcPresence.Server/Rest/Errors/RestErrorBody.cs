using System.Text.Json.Serialization;

namespace GrpcPresence.Server.Rest.Errors;

/// <summary>The body of an error response.</summary>
internal sealed record RestErrorBody
{
    /// <summary>The code of Twilio Conversations.</summary>
    public required int Code { get; init; }

    /// <summary>A message for people; with several violations, it contains all of them.</summary>
    public required string Message { get; init; }

    /// <summary>The URL at which Twilio explains the code.</summary>
    public string MoreInfo => $"https://www.twilio.com/docs/errors/{Code}";

    /// <summary>The HTTP status.</summary>
    public required int Status { get; init; }

    /// <summary>Further details for programs.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public RestErrorDetails? Details { get; init; }
}
