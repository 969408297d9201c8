using System.CommandLine;
using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Server.Composition.Cluster;
using GrpcPresence.Server.Settings;
using GrpcPresence.Storage.Postgres.Store;
using GrpcPresence.Storage.Sqlite.Files;

namespace GrpcPresence.Server.Cli;

/// <summary>Parses the command line, runs the command, and turns every failure to start into one line and an exit code.</summary>
internal static class ServerProgram
{
    /// <summary>The exit code for a failure that is not caused by settings or the database.</summary>
    public const int Failed = 1;

    /// <summary>The exit code for an invalid command line or setting.</summary>
    public const int BadSettings = 2;

    /// <summary>The exit code for a database that cannot be opened or used.</summary>
    public const int BadDatabase = 3;

    /// <summary>Runs the program and returns its exit code.</summary>
    /// <param name="arguments">The command line.</param>
    /// <param name="addDomain">Adds the services of the domain and its store.</param>
    /// <param name="output">Receives the results of commands.</param>
    /// <param name="error">Receives failures, one line each.</param>
    /// <param name="beforeServing">Runs before the server is built, but not before another command.</param>
    public static async Task<int> RunAsync(
        IReadOnlyList<string> arguments,
        Action<IServiceCollection> addDomain,
        TextWriter output,
        TextWriter error,
        Action? beforeServing = null)
    {
        try
        {
            // A value that begins with @ must not be read as the name of a file with more arguments.
            var parser = new ParserConfiguration { ResponseFileTokenReplacer = null };
            var command = CommandTree.Create(addDomain, output, error, beforeServing).Parse(arguments, parser);
            if (ParseErrors.Describe(command) is { } message)
                throw new SettingsException(message);
            return await command.InvokeAsync(new InvocationConfiguration
            {
                Output = output,
                Error = error,
                EnableDefaultExceptionHandler = false,
                // The host handles signals: it drains streams for longer than the library would wait.
                ProcessTerminationTimeout = null,
            });
        }
        catch (SettingsException exception)
        {
            Report(error, exception.Message);
            return BadSettings;
        }
        catch (Exception exception) when (exception is DatabaseRejectedException or PostgresRejectedException or StorageException)
        {
            Report(error, exception.Message);
            return BadDatabase;
        }
        catch (JoinFailedException exception)
        {
            Report(error, exception.Message);
            return Failed;
        }
#pragma warning disable CA1031 // the outermost handler also reports unexpected errors in one line
        catch (Exception exception)
#pragma warning restore CA1031
        {
            Report(error, $"Unexpected error: {exception.GetType().Name}: {exception.Message.ReplaceLineEndings(" ")}");
            return Failed;
        }
    }

    private static void Report(TextWriter error, string message)
    {
        try
        {
            error.WriteLine(message);
        }
        catch (IOException)
        {
            // Standard error is on a full disk. The exit code still says what failed.
        }
    }
}
