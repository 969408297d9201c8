using GrpcPresence.Twilio.Tests.Fixture;

[assembly: AssemblyFixture(typeof(OpenServer))]
[assembly: CaptureConsole]

namespace GrpcPresence.Twilio.Tests.Fixture;

/// <summary>A server that asks for no credentials. All tests share it: each makes a service instance of its own.</summary>
public sealed class OpenServer() : PresenceServer;

/// <summary>A server that asks for the credentials of its account.</summary>
public sealed class GuardedServer() : PresenceServer(("Presence__AccountSid", AccountSid), ("Presence__AuthToken", AuthToken));
