using System.Text.Json.Serialization;

namespace GrpcPresence.Server.Rest.Errors;

/// <summary>The body of a failure.</summary>
internal sealed record RestErrorBody
{
    /// <summary>The product's code.</summary>
    public required int Code { get; init; }

    /// <summary>A line for people; with several violations, all of them.</summary>
    public required string Message { get; init; }

    /// <summary>Where the product explains the code.</summary>
    public string MoreInfo => $"https://www.twilio.com/docs/errors/{Code}";

    /// <summary>The status of HTTP.</summary>
    public required int Status { get; init; }

    /// <summary>What programs may want to know beside the code.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public RestErrorDetails? Details { get; init; }
}
