using GrpcPresence.Server.Cli;
using GrpcPresence.Server.Composition;

return await ServerProgram.RunAsync(args, services => services.AddPresenceCore().AddSqliteStore(), Console.Out, Console.Error);
