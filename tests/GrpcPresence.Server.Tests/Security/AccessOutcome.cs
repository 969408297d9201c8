using System.Text.RegularExpressions;
using Grpc.Core;
using GrpcPresence.Server.Tests.Fixture;

namespace GrpcPresence.Server.Tests.Security;

/// <summary>What became of a call.</summary>
internal sealed partial record AccessOutcome(StatusCode Code, string Reason, string Metadata)
{
    public static readonly AccessOutcome LetIn = new(StatusCode.OK, "", "");

    public bool IsLetIn => this == LetIn;

    /// <summary>Whether the caller may not; of another's push binding or API key that is that there is none.</summary>
    public bool IsRefused => Reason is "PERMISSION_DENIED" or "PUSH_BINDING_NOT_FOUND" or "API_KEY_NOT_FOUND";

    public bool IsNotFound => (Code, Reason) == (StatusCode.NotFound, "SERVICE_INSTANCE_NOT_FOUND");

    public static AccessOutcome Of(CallError error) =>
        new(error.Code, error.Reason, string.Join(", ", error.Metadata.Select(pair => $"{pair.Key}={pair.Value}")));

    /// <summary>The same, but for the digits of the SIDs that the caller has sent.</summary>
    public AccessOutcome WithoutSids() => this with { Metadata = Digits().Replace(Metadata, "") };

    [GeneratedRegex("[0-9a-f]{32}")]
    private static partial Regex Digits();
}
