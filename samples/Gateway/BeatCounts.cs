using GrpcPresence.V1;

namespace GrpcPresence.Samples.Gateway;

/// <summary>Counts what the server answered.</summary>
internal sealed class BeatCounts
{
    private readonly SortedDictionary<ErrorReason, int> _rejected = [];
    private int _accepted;

    /// <summary>How many streams the server accepted.</summary>
    public int Streams { get; set; }

    /// <summary>Adds accepted beats.</summary>
    public void AddAccepted(int count) => _accepted += count;

    /// <summary>Adds a rejected beat.</summary>
    public void AddRejected(ErrorReason reason) => _rejected[reason] = _rejected.GetValueOrDefault(reason) + 1;

    /// <summary>Describes all counts in one line.</summary>
    public override string ToString()
    {
        var rejected = _rejected.Count == 0 ? "0" : string.Join(", ", _rejected.Select(entry => $"{entry.Value} {entry.Key}"));
        return $"accepted {_accepted}, rejected {rejected}, streams {Streams}";
    }
}
