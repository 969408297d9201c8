using System.CommandLine;
using GrpcPresence.Samples;
using GrpcPresence.Samples.Gateway;

var userCount = new Option<int>("--users")
{
    Description = "The number of simulated users, each with one session",
    DefaultValueFactory = _ => 1_000,
};

// The channel carries the heartbeats and nothing else. Calls and watches of the same program belong on another channel: on one connection,
// large responses that wait to be read could delay heartbeats.
return await SampleCommand.InvokeAsync(
    args,
    "Keeps the sessions of many users alive over one heartbeat stream.",
    (client, serviceSid, arguments, stop) => new SessionGateway(client, serviceSid, arguments.GetValue(userCount)).RunAsync(stop),
    userCount);
