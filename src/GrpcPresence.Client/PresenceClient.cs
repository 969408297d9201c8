using System.Diagnostics;
using Grpc.Core;
using Grpc.Net.Client;
using GrpcPresence.Client.Connections;
using GrpcPresence.Client.Sessions;
using GrpcPresence.Client.Telemetry;
using GrpcPresence.Client.Watching;
using GrpcPresence.V1;

namespace GrpcPresence.Client;

/// <summary>
/// The client. Create one for a process with <see cref="Create"/>, or with dependency injection by
/// <see cref="PresenceServiceCollectionExtensions.AddPresenceClient"/>. Disposing it ends its sessions at the server, and its watches.
/// </summary>
public sealed class PresenceClient : IPresenceClient, IDisposable
{
    // When the server ends a request stream while it is being written to, .NET can break the connection (dotnet/runtime#1510). So
    // heartbeats have a connection of their own, on which large messages cannot delay them either.
    private readonly SessionGroups _groups;
    private readonly UserService.UserServiceClient _calls;
    private readonly PresenceClientOptions _options;
    private readonly ConnectionSettings _settings;
    private readonly IDisposable[] _owned;
    private readonly Lock _gate = new(); // guards the fields below; nothing is called under it
    private readonly HashSet<UserWatch> _watches = [];
    private bool _isDisposed;
    private Task? _disposing;
    private Task? _endingSessions;

    /// <param name="options">The settings.</param>
    /// <param name="calls">Opens watches.</param>
    /// <param name="heartbeats">Sends heartbeats, over a connection of its own.</param>
    /// <param name="random">Spreads heartbeats and reconnections.</param>
    /// <param name="transport">The handlers of both, which are disposed of with the client.</param>
    /// <param name="owned">What else is disposed of with the client.</param>
    internal PresenceClient(
        PresenceClientOptions options,
        CallInvoker calls,
        CallInvoker heartbeats,
        Random? random = null,
        Transport? transport = null,
        params IDisposable[] owned)
    {
        options.Validate();
        _options = options;
        _settings = new ConnectionSettings(
            options.ServiceSid,
            options.Credentials,
            options.TimeProvider,
            new TimerQueue(options.TimeProvider),
            new BackoffPolicy(options.ReconnectDelay, options.MaxReconnectDelay, random ?? Random.Shared),
            new HandlerCalls(options.EndTimeout, options.TimeProvider),
            new ClientTelemetry(options.MeterFactory),
            GuardedLogger.Create(options.LoggerFactory, ClientTelemetry.Name));
        _calls = new UserService.UserServiceClient(calls);
        _groups = new SessionGroups(
            _settings,
            new SessionSettings(options.EndSessionsOnDisconnect, options.EndTimeout),
            new UserService.UserServiceClient(heartbeats));
        // The leases may have run out meanwhile, and no beat is due by a clock that stood still.
        _settings.Timers.Resumed += () =>
        {
            transport?.BreakConnections();
            _groups.MakeAllDue();
        };
        _owned = [.. owned, .. transport?.Handlers ?? []];
    }

    /// <summary>Creates a client. It connects when it is first used.</summary>
    /// <exception cref="ArgumentException">Settings are missing or wrong. The message names each of them.</exception>
    public static PresenceClient Create(PresenceClientOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        options.Validate();
        var transport = new Transport(options);
        var (calls, heartbeats) = (Open(options.Address!, transport), Open(options.Address!, transport));
        return new PresenceClient(
            options, calls.CreateCallInvoker(), heartbeats.CreateCallInvoker(), random: null, transport, calls, heartbeats);
    }

    /// <inheritdoc/>
    public async Task<IPresenceSession> StartSessionAsync(
        string userKey, string? sessionId = null, CancellationToken cancellationToken = default)
    {
        SessionKeys.Validate(userKey, sessionId);
        cancellationToken.ThrowIfCancellationRequested();
        var activity = GuardedActivities.Start("presence.session.start");
        try
        {
            return await StartAsync(userKey, sessionId, cancellationToken).ConfigureAwait(false);
        }
        catch (Exception failed)
        {
            activity?.SetStatus(ActivityStatusCode.Error, (failed as PresenceException)?.Reason.ToString() ?? failed.GetType().Name);
            throw;
        }
        finally
        {
            activity.TryStop();
        }
    }

    /// <inheritdoc/>
    public Task<IPresenceSession> StartSessionAsync(string userKey, CancellationToken cancellationToken) =>
        StartSessionAsync(userKey, sessionId: null, cancellationToken);

    /// <inheritdoc/>
    public Task<IUserWatch> WatchAsync(WatchOptions options, CancellationToken cancellationToken = default) =>
        WatchAsync(options, onCreated: null, cancellationToken);

    /// <inheritdoc cref="WatchAsync(WatchOptions, CancellationToken)"/>
    /// <param name="options">What to watch.</param>
    /// <param name="onCreated">Gets the watch before it begins, so that it can observe everything.</param>
    /// <param name="cancellationToken">Gives up.</param>
    internal async Task<IUserWatch> WatchAsync(
        WatchOptions options, Action<IUserWatch>? onCreated, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(options);
        options = options.CopyValidated();
        cancellationToken.ThrowIfCancellationRequested();
        var identity = options.Identity ?? _options.Identity;
        if (identity is null && _settings.Credentials.Provider is not null)
        {
            throw new InvalidOperationException(
                "A watch with access tokens acts for one user. Set WatchOptions.Identity or PresenceClientOptions.Identity.");
        }
        UserWatch watch;
        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(_isDisposed, this);
            watch = new UserWatch(_settings, _calls, options, identity ?? "", Forget);
            _watches.Add(watch);
        }
        onCreated?.Invoke(watch);
        watch.Start();
        try
        {
            await watch.Synced.WaitAsync(cancellationToken).ConfigureAwait(false);
            return watch;
        }
        catch
        {
            await watch.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>
    /// Ends all sessions at the server, and all watches, each within <see cref="PresenceClientOptions.EndTimeout"/>. Inside a handler of a
    /// watch, it does not wait for the watches.
    /// </summary>
    public ValueTask DisposeAsync()
    {
        lock (_gate)
        {
            _isDisposed = true;
            _endingSessions ??= BackgroundWork.Run(() => _groups.DisposeAsync().AsTask());
            _disposing ??= BackgroundWork.Run(() => DisposeOnceAsync(_endingSessions));
            return new ValueTask(_settings.Handlers.IsInside ? _endingSessions : _disposing);
        }
    }

    /// <summary>Does the same as <see cref="DisposeAsync"/>, and blocks until it is done.</summary>
    public void Dispose() => DisposeAsync().AsTask().GetAwaiter().GetResult();

    private async Task<IPresenceSession> StartAsync(string userKey, string? sessionId, CancellationToken cancellationToken)
    {
        var (session, started) = _groups.Start(userKey, sessionId);
        try
        {
            await started.WaitAsync(cancellationToken).ConfigureAwait(false);
            return session;
        }
        catch (OperationCanceledException)
        {
            // A heartbeat may be on its way, so the session is ended at the server, but without waiting for it.
            _ = session.DisposeAsync().AsTask();
            throw;
        }
    }

    private async Task DisposeOnceAsync(Task endingSessions)
    {
        UserWatch[] watches;
        lock (_gate)
            watches = [.. _watches];
        await Task.WhenAll([endingSessions, .. watches.Select(watch => watch.DisposeAsync().AsTask())])
            .ConfigureAwait(false);
        foreach (var owned in (IDisposable[])[.. _owned, _settings.Timers, _settings.Telemetry])
            TryDispose(owned);
    }

    // A handler of HttpHandlerFactory, or a listener of the meter, is code of the program.
    private void TryDispose(IDisposable owned)
    {
        try
        {
            owned.Dispose();
        }
        catch (Exception failed)
        {
            Log.DisposalFailed(_settings.Logger, owned.GetType().Name, failed);
        }
    }

    private void Forget(UserWatch watch)
    {
        lock (_gate)
            _watches.Remove(watch);
    }

    private static GrpcChannel Open(Uri address, Transport transport)
    {
        var channel = new GrpcChannelOptions { HttpHandler = transport.NewHandler() };
        transport.Configure(channel);
        return GrpcChannel.ForAddress(address, channel);
    }
}
