using GrpcPresence.Server.Hosting;

return await ServerProgram.RunAsync(args, services => services.AddPresenceCore(), Console.Out, Console.Error);
