using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Server.Grpc.Mapping;

namespace GrpcPresence.Server.Tests.Mapping;

/// <summary>What a reader finds wrong.</summary>
internal static class Refused
{
    /// <summary>The fields at fault with their reasons, in order; empty when nothing is.</summary>
    public static IReadOnlyList<(string Field, ErrorReason Reason)> By(Action<RequestReader> read)
    {
        var reader = new RequestReader();
        read(reader);
        return By(reader.ThrowIfInvalid);
    }

    /// <summary>The fields at fault with their reasons, in order; empty when nothing is.</summary>
    public static IReadOnlyList<(string Field, ErrorReason Reason)> By(Action act)
    {
        try
        {
            act();
            return [];
        }
        catch (PresenceException refusal)
        {
            return [.. refusal.Violations.Select(violation => (violation.Field, violation.Reason))];
        }
    }
}
