using System.CommandLine;
using GrpcPresence.Samples;
using GrpcPresence.Samples.Watcher;

var tokenFile = new Option<string>("--token-file")
{
    Description = "The file that keeps the resume token between runs",
    DefaultValueFactory = _ => "watch.token",
};

return await SampleCommand.InvokeAsync(
    args,
    "Watches the users of a service instance and prints each change.",
    (client, serviceSid, arguments, stop) =>
        new UserWatcher(client, serviceSid, new TokenFile(arguments.GetRequiredValue(tokenFile))).RunAsync(stop),
    tokenFile);
