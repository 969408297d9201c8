using GrpcPresence.Core.Domain.Errors;

namespace GrpcPresence.Server.Grpc.Mapping;

/// <summary>
/// Reads the fields of one request into values of the domain and collects all violations. An invalid field reads as the default of its
/// type, but no code uses that value: <see cref="ThrowIfInvalid"/> is called first. Paths use the field names of the proto.
/// </summary>
internal sealed partial class RequestReader
{
    /// <summary>
    /// The maximum number of violations to keep, so that a request cannot cause an error of its own size. The first violations, in the
    /// order of reading, are kept. A gRPC error lists as many of them as fit into its trailers.
    /// </summary>
    public const int MaxViolations = 100;

    private List<Violation>? _violations;

    /// <summary>Adds a violation.</summary>
    public void Add(string field, ErrorReason reason, string description)
    {
        _violations ??= [];
        if (_violations.Count < MaxViolations)
            _violations.Add(new Violation(field, reason, description));
    }

    /// <summary>Whether there is a violation.</summary>
    public bool HasAny => _violations is not null;

    /// <summary>The reason of the first violation; requires that one exists.</summary>
    public ErrorReason FirstReason => _violations![0].Reason;

    /// <summary>Rejects the request if there is a violation.</summary>
    /// <exception cref="PresenceException">Contains every violation.</exception>
    public void ThrowIfInvalid()
    {
        if (_violations is not null)
            throw new PresenceException(_violations);
    }

    private T Refuse<T>(string field, ErrorReason reason, string description)
    {
        Add(field, reason, description);
        return default!;
    }
}
