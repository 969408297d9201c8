using GrpcPresence.Core.Presence;
using GrpcPresence.Core.Users;

namespace GrpcPresence.MicroBench.Fixture;

/// <summary>A heartbeat to come.</summary>
/// <param name="Address">Of whom.</param>
/// <param name="Session">Of which session.</param>
internal readonly record struct Visit(UserAddress Address, SessionId Session);
