using System.Diagnostics;
using GrpcPresence.Testing;

namespace GrpcPresence.Server.Tests.Fixture;

/// <summary>Runs the program as a separate process in an empty directory, for tests that need a process.</summary>
internal sealed class ServerProcess : IDisposable
{
    private readonly TemporaryDirectory _directory = new();

    private ServerProcess(
        Dictionary<string, string> variables, Func<TemporaryDirectory, string[], string[]> wrap, string? postgres = null)
    {
        // The program beside these tests, started as `dotnet run` would.
        var program = Path.Combine(AppContext.BaseDirectory, "GrpcPresence.Server.dll");
        string[] store = postgres is null ? ["--database", Database] : ["--postgres", postgres];
        string[] command = ["dotnet", "exec", program, "--port", "0", "--rest-port", "0", .. store];
        command = wrap(_directory, command);
        var start = new ProcessStartInfo(command[0], command[1..])
        {
            WorkingDirectory = Path.GetDirectoryName(Database),
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        foreach (var (name, value) in variables)
            start.Environment[name] = value;
        Process = Process.Start(start)!;
    }

    public Process Process { get; }

    public string Database => _directory.File("presence.db");

    /// <summary>Starts the program, with the command that <paramref name="wrap"/> returns for its own command.</summary>
    public static ServerProcess Start(Dictionary<string, string> variables, Func<TemporaryDirectory, string[], string[]>? wrap = null) =>
        new(variables, wrap ?? ((_, command) => command));

    /// <summary>Starts the program on a PostgreSQL database.</summary>
    public static ServerProcess StartOn(string postgres, params string[] options) =>
        new([], (_, command) => [.. command, .. options], postgres);

    /// <summary>Starts the program as a node of a cluster on a PostgreSQL database.</summary>
    public static ServerProcess StartNode(string postgres, string address, string secretFile) => new(
        [],
        (_, command) => [.. command, "--node-address", address, "--secret-file", secretFile, "--admin-socket", "none"],
        postgres);

    /// <summary>Sends SIGTERM.</summary>
    public void Terminate()
    {
        using var kill = Process.Start("kill", ["-TERM", $"{Process.Id}"]);
        kill.WaitForExit();
    }

    /// <summary>Waits until the program has ended.</summary>
    public async Task<(int Code, string Output, string Error)> EndAsync()
    {
        var output = Process.StandardOutput.ReadToEndAsync(TestRun.Token);
        var error = Process.StandardError.ReadToEndAsync(TestRun.Token);
        await Barrier.Within(Process.WaitForExitAsync(TestRun.Token), "the program ended");
        return (Process.ExitCode, await output, await error);
    }

    public void Dispose()
    {
        if (!Process.HasExited)
            Process.Kill(entireProcessTree: true);
        Process.WaitForExit();
        Process.Dispose();
        _directory.Dispose();
    }
}
