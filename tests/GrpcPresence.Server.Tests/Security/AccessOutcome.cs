using System.Text.RegularExpressions;
using Grpc.Core;
using GrpcPresence.Server.Tests.Fixture;

namespace GrpcPresence.Server.Tests.Security;

/// <summary>The outcome of a call, as the authorization tests compare it.</summary>
internal sealed partial record AccessOutcome(StatusCode Code, string Reason, string Metadata)
{
    public static readonly AccessOutcome Accepted = new(StatusCode.OK, "", "");

    public bool IsAccepted => this == Accepted;

    /// <summary>Whether the server denied the call. Another caller's push binding or API key looks as if it did not exist.</summary>
    public bool IsRejected => Reason is "PERMISSION_DENIED" or "PUSH_BINDING_NOT_FOUND" or "API_KEY_NOT_FOUND";

    public bool IsNotFound => (Code, Reason) == (StatusCode.NotFound, "SERVICE_INSTANCE_NOT_FOUND");

    public static AccessOutcome Of(CallError error) =>
        new(error.Code, error.Reason, string.Join(", ", error.Metadata.Select(pair => $"{pair.Key}={pair.Value}")));

    /// <summary>Returns the outcome without the digits of the SIDs that the caller sent.</summary>
    public AccessOutcome WithoutSids() => this with { Metadata = Digits().Replace(Metadata, "") };

    [GeneratedRegex("[0-9a-f]{32}")]
    private static partial Regex Digits();
}
