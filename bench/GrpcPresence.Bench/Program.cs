using GrpcPresence.Bench;
using GrpcPresence.Bench.InProcess;
using GrpcPresence.Bench.Serve;

return args switch
{
    ["serve", .. var arguments] => await ServeCommand.RunAsync(arguments),
    ["measure-writer", .. var arguments] => MeasureWriterCommand.Run(arguments),
    ["hold-sessions", .. var arguments] => await HoldSessionsCommand.RunAsync(arguments),
    ["serve-bare"] => await BareCommand.RunAsync(),
    _ => BenchProgram.Run(args),
};
