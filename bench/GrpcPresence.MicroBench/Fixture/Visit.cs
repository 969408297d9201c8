using GrpcPresence.Core.Domain.Users;
using GrpcPresence.Core.Presence;

namespace GrpcPresence.MicroBench.Fixture;

/// <summary>A heartbeat to come.</summary>
/// <param name="Address">Of whom.</param>
/// <param name="Session">Of which session.</param>
internal readonly record struct Visit(UserRef Address, SessionId Session);
