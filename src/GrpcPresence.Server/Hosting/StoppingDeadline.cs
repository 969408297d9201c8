namespace GrpcPresence.Server.Hosting;

/// <summary>Calls back when something still lasts a while after stopping began. Never calls back once it is disposed of.</summary>
internal sealed class StoppingDeadline : IDisposable
{
    // Guards the fields. The callback runs under it, so that it cannot touch a request that has ended meanwhile and was given to another.
    private readonly Lock _gate = new();
    private readonly TimeSpan _grace;
    private readonly TimeProvider _time;
    private readonly Action _passed;
    private readonly CancellationTokenRegistration _registration;
    private ITimer? _timer;
    private bool _isOver;

    public StoppingDeadline(TimeSpan grace, TimeProvider time, Action passed, CancellationToken stopping)
    {
        _grace = grace;
        _time = time;
        _passed = passed;
        _registration = stopping.Register(Begin);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        lock (_gate)
        {
            _isOver = true;
            _timer?.Dispose();
        }
        _registration.Dispose();
    }

    private void Begin()
    {
        lock (_gate)
        {
            if (!_isOver)
                _timer = _time.CreateTimer(_ => Pass(), state: null, _grace, Timeout.InfiniteTimeSpan);
        }
    }

    private void Pass()
    {
        lock (_gate)
        {
            if (!_isOver)
                _passed();
        }
    }
}
