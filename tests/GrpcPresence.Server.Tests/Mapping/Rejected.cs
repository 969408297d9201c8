using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Server.Grpc.Mapping;

namespace GrpcPresence.Server.Tests.Mapping;

/// <summary>Runs a request reader and returns its violations.</summary>
internal static class Rejected
{
    /// <summary>Returns the invalid fields with their reasons, in order; empty when the request is valid.</summary>
    public static IReadOnlyList<(string Field, ErrorReason Reason)> By(Action<RequestReader> read)
    {
        var reader = new RequestReader();
        read(reader);
        return By(reader.ThrowIfInvalid);
    }

    /// <summary>Returns the invalid fields with their reasons, in order; empty when the request is valid.</summary>
    public static IReadOnlyList<(string Field, ErrorReason Reason)> By(Action act)
    {
        try
        {
            act();
            return [];
        }
        catch (PresenceException exception)
        {
            return [.. exception.Violations.Select(violation => (violation.Field, violation.Reason))];
        }
    }
}
