using GrpcPresence.Server.Cli;
using GrpcPresence.Server.Composition;

namespace GrpcPresence.Bench.Serve;

/// <summary>Runs the server of this project like its own program.</summary>
internal static class ServeCommand
{
    /// <summary>Runs the server until the process ends.</summary>
    public static async Task<int> RunAsync(IReadOnlyList<string> arguments)
    {
        using var lateness = new LatenessProbe();
        new ProcessCommands(lateness).Start();
        return await ServerProgram.RunAsync(arguments, services => services.AddPresenceCore().AddStore(), Console.Out, Console.Error);
    }
}
