using System.CommandLine;

namespace GrpcPresence.Server.Cli;

/// <summary>
/// The command <c>completion</c>: prints a shell script that completes commands, options and their values. The script calls the program
/// itself, because System.CommandLine answers the directive <c>[suggest:POSITION]</c>.
/// </summary>
internal static class CompletionCommand
{
    private const string ProgramName = "GrpcPresence.Server";

    private static readonly Dictionary<string, string> Scripts = new()
    {
        ["bash"] = $$"""
            # Add this line to ~/.bashrc: source <({{ProgramName}} completion bash)
            _grpc_presence() {
              # Bash splits words at =; the program suggests values behind a space.
              local line=${COMP_LINE:0:COMP_POINT} current=${COMP_WORDS[COMP_CWORD]}
              line=${line//=/ }
              mapfile -t COMPREPLY < <(
                compgen -W "$("${COMP_WORDS[0]}" "[suggest:${#line}]" "$line" 2>/dev/null | grep -v '^[-/][?h]$')" -- "${current#=}")
            }
            complete -o default -F _grpc_presence {{ProgramName}}

            """,
        ["zsh"] = $$"""
            # Add this line to ~/.zshrc, below compinit: source <({{ProgramName}} completion zsh)
            _grpc_presence() {
              local -a suggestions=("${(@f)$("${words[1]}" "[suggest:${CURSOR}]" "${BUFFER}" 2>/dev/null)}")
              compadd -- "${suggestions[@]}"
            }
            compdef _grpc_presence {{ProgramName}}

            """,
        ["fish"] = $$"""
            # Save this script as ~/.config/fish/completions/{{ProgramName}}.fish
            function __grpc_presence
              set -l line (commandline --current-process --cut-at-cursor | string collect)
              {{ProgramName}} "[suggest:"(string length -- $line)"]" $line 2>/dev/null
            end
            complete --command {{ProgramName}} --no-files --arguments '(__grpc_presence)'

            """,
    };

    /// <summary>Creates <c>completion</c>.</summary>
    public static Command Create(TextWriter output)
    {
        var shell = new Argument<string>("SHELL") { Description = "The shell that runs the script." };
        shell.AcceptOnlyFromAmong([.. Scripts.Keys]);
        var command = new Command(
            "completion", "Prints a shell script that completes this command line. Its first line says where to install it.");
        command.Add(shell);
        command.SetAction((result, _) => output.WriteAsync(Scripts[result.GetRequiredValue(shell)]));
        return command;
    }
}
