using GrpcPresence.Core.Domain.Errors;

namespace GrpcPresence.Server.Grpc.Mapping;

/// <summary>
/// Reads the fields of one request into values of the domain and gathers everything that is wrong with it. A field at fault reads as the default
/// of its type, which nobody sees: <see cref="ThrowIfInvalid"/> comes before anything is done. Paths are those of the proto, in its names.
/// </summary>
internal sealed partial class RequestReader
{
    /// <summary>
    /// Violations that are told: with more, the trailers would pass the 64 KiB of headers that clients take, and the error would be lost. They are
    /// the first ones, in the order of reading.
    /// </summary>
    public const int MaxViolations = 100;

    private List<Violation>? _violations;

    /// <summary>Notes something that is wrong.</summary>
    public void Add(string field, ErrorReason reason, string description)
    {
        _violations ??= [];
        if (_violations.Count < MaxViolations)
            _violations.Add(new Violation(field, reason, description));
    }

    /// <summary>Whether anything was wrong.</summary>
    public bool HasAny => _violations is not null;

    /// <summary>The reason of the first thing that is wrong; there must be one.</summary>
    public ErrorReason FirstReason => _violations![0].Reason;

    /// <summary>Refuses the request if anything was wrong.</summary>
    /// <exception cref="PresenceException">With every violation.</exception>
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
