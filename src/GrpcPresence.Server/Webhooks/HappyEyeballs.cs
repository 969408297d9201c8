using System.Net;
using System.Net.Sockets;
using System.Runtime.ExceptionServices;
using GrpcPresence.Core.Domain.Errors;

namespace GrpcPresence.Server.Webhooks;

/// <summary>Connects to one address.</summary>
internal delegate Task<Stream> ConnectAddress(IPEndPoint endpoint, CancellationToken cancellationToken);

/// <summary>
/// Connects to a host with several addresses as RFC 8305 describes: one after another, the next one after 250 ms or when an attempt fails,
/// and the first connection wins. Otherwise an address that drops packets would use up the time of the others.
/// </summary>
/// <param name="connect">Connects to one address.</param>
/// <param name="time">The clock.</param>
internal sealed class HappyEyeballs(ConnectAddress connect, TimeProvider time)
{
    /// <summary>The Connection Attempt Delay that the RFC recommends.</summary>
    public static readonly TimeSpan AttemptDelay = TimeSpan.FromMilliseconds(250);

    /// <summary>Connects to one of the addresses.</summary>
    /// <exception cref="SocketException">Every attempt failed; the last failure.</exception>
    /// <exception cref="PresenceException">
    /// Every attempt failed, and this server refused one of them. The host may have accepted it, so it does not count as unavailable.
    /// </exception>
    public async Task<Stream> ConnectAsync(IReadOnlyList<IPAddress> addresses, int port, CancellationToken cancellationToken)
    {
        using var others = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var left = new Queue<IPAddress>(InTurn(addresses));
        var running = new List<Task<Stream>>();
        PresenceException? refusal = null;
        try
        {
            while (true)
            {
                if (left.TryDequeue(out var address))
                    running.Add(connect(new IPEndPoint(address, port), others.Token));
                IEnumerable<Task> awaited = left.Count > 0 ? running.Append(Task.Delay(AttemptDelay, time, others.Token)) : running;
                if (await Task.WhenAny(awaited) is not Task<Stream> attempt)
                {
                    cancellationToken.ThrowIfCancellationRequested();
                    continue; // the delay has passed
                }
                running.Remove(attempt);
                refusal ??= attempt.Exception?.InnerException as PresenceException;
                var isLast = left.Count == 0 && running.Count == 0;
                if (isLast && refusal is not null && !attempt.IsCompletedSuccessfully)
                    ExceptionDispatchInfo.Throw(refusal);
                if (isLast || attempt.IsCompletedSuccessfully)
                    return await attempt;
                cancellationToken.ThrowIfCancellationRequested();
            }
        }
        finally
        {
            await others.CancelAsync();
            foreach (var late in running)
                _ = late.ContinueWith(Discard, TaskScheduler.Default);
        }
    }

    /// <summary>Alternates between the families, so that a network without one of them costs one delay and not one per address.</summary>
    private static IEnumerable<IPAddress> InTurn(IReadOnlyList<IPAddress> addresses)
    {
        var first = addresses.Where(address => address.AddressFamily == addresses[0].AddressFamily).ToList();
        var second = addresses.Except(first).ToList();
        for (var i = 0; i < Math.Max(first.Count, second.Count); i++)
        {
            if (i < first.Count)
                yield return first[i];
            if (i < second.Count)
                yield return second[i];
        }
    }

    private static void Discard(Task<Stream> attempt)
    {
        if (attempt.IsCompletedSuccessfully)
            attempt.Result.Dispose();
        else
            _ = attempt.Exception; // observed: another attempt won
    }
}
