using GrpcPresence.Server.Cli;
using GrpcPresence.Server.Composition;

namespace GrpcPresence.Bench.Serve;

/// <summary>The server of this project, as its own program runs it.</summary>
internal static class ServeCommand
{
    /// <summary>Runs it until the process is ended.</summary>
    public static async Task<int> RunAsync(IReadOnlyList<string> arguments)
    {
        using var lateness = new LatenessProbe();
        new ProcessCommands(lateness).Start();
        return await ServerProgram.RunAsync(arguments, services => services.AddPresenceCore().AddSqliteStore(), Console.Out, Console.Error);
    }
}
