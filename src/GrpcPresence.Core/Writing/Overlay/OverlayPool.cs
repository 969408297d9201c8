namespace GrpcPresence.Core.Writing.Overlay;

/// <summary>
/// Keeps overlays for the next batches: their tables of thousands of users would otherwise be large objects, of which each batch would
/// leave some to the garbage collector. Used only by the writer's thread.
/// </summary>
internal sealed class OverlayPool
{
    private readonly Stack<ServiceOverlay> _spare = [];
    private readonly List<ServiceOverlay> _rented = [];

    /// <summary>Returns an overlay that the caller uses until <see cref="TakeBack"/>.</summary>
    public ServiceOverlay Rent()
    {
        var overlay = _spare.TryPop(out var spare) ? spare : new ServiceOverlay();
        _rented.Add(overlay);
        return overlay;
    }

    /// <summary>Ends the use of all rented overlays.</summary>
    public void TakeBack()
    {
        foreach (var overlay in _rented)
            _spare.Push(overlay);
        _rented.Clear();
    }
}
