using System.Globalization;
using System.Net;
using GrpcPresence.Cluster;
using GrpcPresence.Core.Cluster.Channel;
using GrpcPresence.Core.Domain.Cluster;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Console;

// A node in a process of its own, so that tests can kill and stop it. Arguments: connection string, cluster, address, and optionally the
// files with certificate, key and authorities. Each line of output is one event: "self", "view", "joined", "received", "ended",
// "error". Each line of input is one command: "send NAME INCARNATION NUMBER", "counters", "stop".
var options = new ClusterTransportOptions
{
    ConnectionString = args[0],
    ClusterId = args[1],
    AdvertisedAddress = IPEndPoint.Parse(args[2]),
    Tls = args.Length > 5
        ? new ClusterTlsOptions { CertificateFile = args[3], KeyFile = args[4], AuthoritiesFile = args[5] }
        : null,
};
using var loggers = LoggerFactory.Create(
    logging => logging.AddSimpleConsole(console => console.SingleLine = true)
        .Services.Configure<ConsoleLoggerOptions>(
            console => console.LogToStandardErrorThreshold = LogLevel.Trace));
try
{
    await using var transport = await ClusterTransport.CreateAsync(options, loggers, CancellationToken.None);
    transport.ViewChanged += view => Write($"view {view.Number} {string.Join(' ', view.Nodes)}");
    transport.MessageReceived += (from, message) =>
        Write(string.Create(CultureInfo.InvariantCulture, $"received {from} {(message as LinkAcknowledgement)?.Number}"));
    transport.Ended += end => Write($"ended {end.Reason}");
    Write($"self {transport.View.Self}");
    await transport.StartAsync(CancellationToken.None);
    Write("joined");
    while (await Console.In.ReadLineAsync() is { } line)
    {
        switch (line.Split(' '))
        {
            case ["send", var name, var incarnation, var number]:
                transport.Channel.Send(
                    new NodeId(name, long.Parse(incarnation, CultureInfo.InvariantCulture)),
                    new LinkAcknowledgement(long.Parse(number, CultureInfo.InvariantCulture)));
                break;
            case ["counters"]:
                Write($"counters {transport.ReadCounters()}");
                break;
            case ["stop"]:
                await transport.StopAsync(CancellationToken.None);
                Write("stopped");
                return 0;
        }
    }
    return 0;
}
catch (ClusterTransportException exception)
{
    Write($"error {exception.Message}");
    return 1;
}

static void Write(string line)
{
    lock (Console.Out)
    {
        Console.Out.WriteLine(line);
        Console.Out.Flush();
    }
}
