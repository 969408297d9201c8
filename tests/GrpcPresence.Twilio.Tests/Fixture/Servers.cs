using GrpcPresence.Twilio.Tests.Fixture;

[assembly: AssemblyFixture(typeof(OpenServer))]
[assembly: CaptureConsole]

namespace GrpcPresence.Twilio.Tests.Fixture;

/// <summary>A server without credentials. All tests share it: each creates its own service instance.</summary>
public sealed class OpenServer() : PresenceServer;

/// <summary>A server that requires the credentials of its account.</summary>
public sealed class GuardedServer() : PresenceServer(("Presence__AccountSid", AccountSid), ("Presence__AuthToken", AuthToken));
