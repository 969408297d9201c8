using GrpcPresence.Bench;
using GrpcPresence.Bench.Serve;

return args switch
{
    ["serve", .. var arguments] => await ServeCommand.RunAsync(arguments),
    ["serve-bare"] => await BareCommand.RunAsync(),
    _ => BenchProgram.Run(args),
};
