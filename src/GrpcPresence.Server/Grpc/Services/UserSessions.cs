using GrpcPresence.Core.Cluster.Membership;
using GrpcPresence.Core.Cluster.Node;
using GrpcPresence.Core.Cluster.Routing;
using GrpcPresence.Core.Domain.Cluster;
using GrpcPresence.Core.Domain.Users;
using GrpcPresence.Core.Presence;
using GrpcPresence.Core.Tenants;

namespace GrpcPresence.Server.Grpc.Services;

/// <summary>
/// Brings heartbeats and ends of sessions to the tracker that decides about the user: that of this process, or in a cluster that of the
/// owner. A single node pays one comparison for it. Safe from any thread.
/// </summary>
internal sealed class UserSessions(
    PresenceTracker tracker, UserResolver users, RoutedUsers? owners = null, ClusterNode? node = null, IClusterView? view = null)
{
    private long _streams; // the number of the last stream that a client has opened to this node of a cluster

    /// <summary>Handles a heartbeat, as <see cref="PresenceTracker.Beat"/> does.</summary>
    public HeartbeatResult Beat(CachedService service, in UserRef user, SessionId session, SessionStream stream) => owners is null
        ? tracker.Beat(service, user, session, stream.Local)
        : owners.Beat(service, user, session, stream.Routed);

    /// <summary>
    /// Ends a session, as <see cref="PresenceTracker.EndSession"/> does. A single node looks the user up first. In a cluster the owner
    /// decides first, and its rejection comes through the inner task.
    /// </summary>
    /// <returns>What completes when the end is stored.</returns>
    /// <exception cref="Core.Domain.Errors.PresenceException">
    /// UserNotFound, ServiceInstanceNotFound, StorageUnavailable, through one of the two tasks.
    /// </exception>
    public async ValueTask<Task> BeginEndAsync(
        CachedService service, UserKey key, SessionId session, CancellationToken cancellationToken) => owners is null
        ? tracker.EndSession(service, await users.ResolveExistingAsync(service, key, cancellationToken), session)
        : owners.EndSessionAsync(service, key, session, cancellationToken);

    /// <summary>Opens a heartbeat stream. <see cref="Close"/> must follow, however the stream ends.</summary>
    /// <param name="endSessionsOnClose">Whether the stream's sessions end soon after the client closes it.</param>
    public SessionStream OpenStream(bool endSessionsOnClose) => view is null
        ? new SessionStream(new HeartbeatStream(endSessionsOnClose), Routed: null)
        : new SessionStream(
            Local: null, new RoutedStream(new StreamId(view.Self, Interlocked.Increment(ref _streams)), endSessionsOnClose));

    /// <summary>Closes a heartbeat stream.</summary>
    /// <param name="stream">The stream.</param>
    /// <param name="byClient">
    /// Whether the client has closed it. A stream that the server ends keeps its sessions; the nodes of a cluster forget it all the same.
    /// </param>
    public void Close(SessionStream stream, bool byClient)
    {
        if (stream.Routed is { } routed)
            node!.CloseStream(routed, byClient);
        else if (byClient)
            tracker.Close(stream.Local!);
    }
}

/// <summary>An open heartbeat stream; the default value for a heartbeat outside of a stream.</summary>
/// <param name="Local">The stream in a single node.</param>
/// <param name="Routed">The stream in a node of a cluster.</param>
internal readonly record struct SessionStream(HeartbeatStream? Local, RoutedStream? Routed);
