using GrpcPresence.Core.Domain.Users;
using GrpcPresence.Core.Presence;

namespace GrpcPresence.MicroBench.Fixture;

/// <summary>A heartbeat to send.</summary>
/// <param name="Address">The user.</param>
/// <param name="Session">The session.</param>
internal readonly record struct Visit(UserRef Address, SessionId Session);
