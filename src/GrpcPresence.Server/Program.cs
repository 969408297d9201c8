using GrpcPresence.Server.Cli;
using GrpcPresence.Server.Composition;
using GrpcPresence.Server.Telemetry;
using GrpcPresence.Storage.Sqlite.Files;

PrivateFiles.RestrictProcess();
using var streams = StandardStreams.Open();
return await ServerProgram.RunAsync(
    args,
    services => services.AddPresenceCore().AddStore().AddSingleton(streams),
    streams.Output,
    streams.Error,
    beforeServing: streams.StopWaiting);
