using GrpcPresence.Core.Cluster.Channel;
using GrpcPresence.Core.Domain.Cluster;
using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Domain.Users;
using GrpcPresence.Core.Presence;

namespace GrpcPresence.Core.Cluster.Routing;

/// <summary>A call on its way from its ingress to the owner of the shard.</summary>
/// <param name="Call">The number of the call at its ingress. The result repeats it.</param>
/// <param name="Shard">The shard that the call concerns.</param>
public abstract record CallItem(long Call, Shard Shard) : LinkItem
{
    /// <summary>
    /// Whether the owner may answer only while it is confirmed: its answer depends on sessions, which no commit protects.
    /// </summary>
    public abstract bool DependsOnSessions { get; }

    /// <summary>Whether the call may have changed something that a repetition would change again.</summary>
    public abstract bool IsWrite { get; }
}

/// <summary>A heartbeat.</summary>
/// <param name="Call">The number of the call.</param>
/// <param name="Shard">The shard of the user.</param>
/// <param name="Service">The service instance.</param>
/// <param name="ServiceId">The store's key of the service instance.</param>
/// <param name="User">The user.</param>
/// <param name="Session">The session.</param>
/// <param name="Stream">The heartbeat stream that sent the heartbeat, or null.</param>
public sealed record HeartbeatItem(
    long Call, Shard Shard, ServiceSid Service, long ServiceId, UserRef User, SessionId Session, RoutedStream? Stream)
    : CallItem(Call, Shard)
{
    /// <inheritdoc/>
    public override int Size => 64 + (2 * User.Identity.ToString().Length) + Session.ToString().Length;

    /// <inheritdoc/>
    public override bool DependsOnSessions => true;

    /// <inheritdoc/>
    public override bool IsWrite => false;
}

/// <summary>The end of a session.</summary>
/// <param name="Call">The number of the call.</param>
/// <param name="Shard">The shard of the user.</param>
/// <param name="Service">The service instance.</param>
/// <param name="ServiceId">The store's key of the service instance.</param>
/// <param name="User">The user.</param>
/// <param name="Session">The session.</param>
/// <param name="Exists">
/// Whether the ingress has read that the user exists. Otherwise the owner rejects the call with UserNotFound if it does not track the user.
/// </param>
public sealed record EndSessionItem(
    long Call, Shard Shard, ServiceSid Service, long ServiceId, UserRef User, SessionId Session, bool Exists)
    : CallItem(Call, Shard)
{
    /// <inheritdoc/>
    public override int Size => 64 + (2 * User.Identity.ToString().Length) + Session.ToString().Length;

    /// <inheritdoc/>
    public override bool DependsOnSessions => true;

    /// <inheritdoc/>
    public override bool IsWrite => false; // a second end changes nothing
}

/// <summary>Any other call. Core does not know what it means.</summary>
/// <param name="Call">The number of the call.</param>
/// <param name="Shard">The shard that the call concerns.</param>
/// <param name="Request">What <see cref="ICallExecutor"/> runs.</param>
/// <param name="Kind">What the owner and the ingress must know of it.</param>
public sealed record RequestItem(long Call, Shard Shard, ReadOnlyMemory<byte> Request, RequestKind Kind) : CallItem(Call, Shard)
{
    /// <inheritdoc/>
    public override int Size => 32 + Request.Length;

    /// <inheritdoc/>
    public override bool DependsOnSessions => Kind == RequestKind.ReadSessions;

    /// <inheritdoc/>
    public override bool IsWrite => Kind == RequestKind.Write;
}

/// <summary>What the owner and the ingress must know of a call.</summary>
public enum RequestKind
{
    /// <summary>It changes what is stored.</summary>
    Write,

    /// <summary>It reads sessions, which the owner has in memory.</summary>
    ReadSessions,
}

/// <summary>The result of a call on its way back.</summary>
/// <param name="Call">The number of the call.</param>
/// <param name="Result">The result.</param>
public sealed record ResultItem(long Call, CallResult Result) : LinkItem
{
    /// <inheritdoc/>
    public override int Size => 32 + Result.Size;
}

/// <summary>A heartbeat stream is closed. Sent by its ingress.</summary>
/// <param name="Stream">The stream.</param>
/// <param name="EndsSessions">Whether its sessions end soon: the client has closed it, and asked for this.</param>
public sealed record CloseStreamItem(StreamId Stream, bool EndsSessions) : LinkItem
{
    /// <inheritdoc/>
    public override int Size => 64;
}

/// <summary>A heartbeat stream that a client has opened to a node of the cluster.</summary>
/// <param name="Id">The stream.</param>
/// <param name="EndSessionsOnClose">Whether the stream's sessions end soon after the client closes it.</param>
public sealed record RoutedStream(StreamId Id, bool EndSessionsOnClose);
