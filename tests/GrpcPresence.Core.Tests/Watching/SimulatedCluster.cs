using GrpcPresence.Core.Domain;
using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Domain.Users;
using GrpcPresence.Core.Presence;
using GrpcPresence.Core.Tests.Fixture;
using GrpcPresence.Core.Watching;
using GrpcPresence.Core.Writing;
using GrpcPresence.Core.Writing.Commands;
using GrpcPresence.Testing;
using GrpcPresence.Testing.Watching;

namespace GrpcPresence.Core.Tests.Watching;

/// <summary>
/// Several nodes with one store. Each user belongs to one node, which decides about it. A commit is published at its node at once. Its
/// messages to the other nodes wait until a step delivers or loses them. The watches of all nodes are checked against the promises.
/// </summary>
internal sealed class SimulatedCluster : IDisposable
{
    private static readonly string[] Names = ["ada", "bob", "cay", "dan", "eve", "fay"];

    private readonly Truth _truth = new();
    private readonly List<SimulatedNode> _nodes = [];
    private readonly List<SimulatedNodeWatch> _watches = [];
    private readonly Dictionary<string, string> _sessions = []; // the last session of each user, unless it was ended

    private ServiceSid _sid;

    private SimulatedCluster(int nodes)
    {
        InMemoryPresenceStore? store = null;
        for (var i = 0; i < nodes; i++)
        {
            var node = new SimulatedNode(store?.OpenAnotherWriter() ?? new InMemoryPresenceStore(), SendFrom);
            store ??= node.World.Store;
            _nodes.Add(node);
        }
    }

    public static async Task<SimulatedCluster> StartAsync(int nodes)
    {
        var cluster = new SimulatedCluster(nodes);
        var first = cluster._nodes[0].World;
        cluster._sid = (await first.Do(new CreateServiceInstance(sid: null, ""))).Sid;
        await first.Configure(cluster._sid, before => before with
        {
            ReachabilityEnabled = true,
            HeartbeatInterval = TimeSpan.FromSeconds(1),
            SessionTimeout = TimeSpan.FromSeconds(2),
        });
        foreach (var node in cluster._nodes)
        {
            node.OnTheWay.Clear();
            await node.StartAsync(cluster._sid);
        }
        return cluster;
    }

    public void Dispose()
    {
        foreach (var node in Enumerable.Reverse(_nodes))
            node.Dispose();
    }

    public async Task DoAsync(NodeStep step)
    {
        var node = _nodes[step.Node % _nodes.Count];
        var user = Names[step.A % Names.Length];
        var holder = HolderOf(user);
        switch (step.Act)
        {
            case NodeAct.Beat:
                _sessions.TryAdd(user, $"s{step.B}");
                Observe(holder.World.Beat(holder.Service, user, _sessions[user]).Stored);
                holder.Write();
                break;
            case NodeAct.End when _sessions.Remove(user, out var session):
                Observe(holder.World.Tracker.EndSession(holder.Service, RefOf(user), World.Session(session)));
                holder.Write();
                break;
            case NodeAct.Create:
                Submit(holder, new CreateUser(_sid, World.Id(user), "", "{}", default));
                break;
            case NodeAct.Rename:
                Submit(holder, new UpdateUser(
                    _sid, World.Key(user), identity: null, etag: "", new UserEdit($"name {step.B}", null, null)));
                break;
            case NodeAct.Delete:
                _sessions.Remove(user);
                Submit(holder, new DeleteUser(_sid, World.Key(user), etag: ""));
                break;
            case NodeAct.Switch:
                Submit(node, new UpdateConfiguration(_sid, etag: "", before => before with { ReachabilityEnabled = step.B % 3 != 0 }));
                break;
            case NodeAct.Deliver when node.OnTheWay.Count > 0:
                node.Deliver(step.A, again: false);
                break;
            case NodeAct.Repeat when node.OnTheWay.Count > 0:
                node.Deliver(step.A, again: true);
                break;
            case NodeAct.Lose when node.OnTheWay.Count > 0:
                node.OnTheWay.RemoveAt(step.A % node.OnTheWay.Count);
                break;
            case NodeAct.Poll:
                node.Poll(_nodes[0].World.Store.Image.Get(_sid).Record);
                break;
            case NodeAct.Wait:
                node.Wait(TimeSpan.FromMilliseconds(1 + (step.A % 25)));
                break;
            case NodeAct.Tick:
                node.Advance(Limits.Tick);
                break;
            case NodeAct.Sweep:
                node.Advance(TimeSpan.FromSeconds(2.5));
                break;
            case NodeAct.Open when _watches.Count < 8:
                await OpenAsync(node, step);
                break;
            case NodeAct.Read when _watches.Count > 0:
                for (var i = 0; i <= step.B % 4 && await _watches[step.A % _watches.Count].ReadAsync(); i++)
                {
                }
                break;
            case NodeAct.Resume when _watches.Count > 0:
                await ResumeAsync(_watches[step.A % _watches.Count], node, step.B);
                break;
            case NodeAct.Stall:
                node.World.Store.Faults.StallReads(stall: step.B % 3 != 0);
                break;
            case NodeAct.Release:
                node.World.Store.Faults.ReleaseRead(step.B);
                break;
            case NodeAct.FailReads:
                node.World.Store.Faults.FailReads(fail: step.B % 2 == 0);
                break;
            case NodeAct.Confirm:
                node.IsConfirmed = step.B % 2 == 0;
                break;
        }
    }

    /// <summary>
    /// Ends all faults. The messages that are left are lost, and each node asks the store. Then all users with a session are online, and
    /// each client knows what is stored.
    /// </summary>
    public async Task SettleAsync()
    {
        foreach (var node in _nodes)
        {
            node.World.Store.Faults.Clear();
            node.IsConfirmed = true;
        }
        // A poll may queue users, whose commits are messages again.
        for (var i = 0; i < 3; i++)
        {
            foreach (var node in _nodes)
            {
                node.OnTheWay.Clear();
                node.Poll(_nodes[0].World.Store.Image.Get(_sid).Record);
                node.Write();
            }
        }
        await RequireOnlineAsync();
        foreach (var watch in _watches)
            await SettleAsync(watch);
    }

    private async Task SettleAsync(SimulatedNodeWatch watch)
    {
        for (var quiet = 0; quiet < 3;)
        {
            if (!watch.IsOpen)
                await ResumeAsync(watch, watch.Node, b: 1);
            if (await watch.ReadAsync())
            {
                quiet = 0;
                continue;
            }
            quiet++;
            // Only what the hub does in a tick: the sessions must not expire.
            watch.Node.Wait(Limits.Tick);
            watch.Node.World.Hub.Tick();
        }
        var stored = await _nodes[0].World.Store.ListUsersAsync(_sid, 0, 100, online: null, default);
        watch.Client.RequireTruth(stored.Users);
    }

    private async Task RequireOnlineAsync()
    {
        if (!_nodes[0].World.Store.Image.Get(_sid).Record.Configuration.ReachabilityEnabled)
            return;
        foreach (var user in Names)
        {
            var holder = HolderOf(user);
            var isTracked = holder.World.Tracker.ListSessions(holder.Service, RefOf(user)).Sessions.Count > 0;
            if (isTracked && (await holder.World.Get(holder.Service, user))?.IsOnline != true)
                throw new BrokenPromiseException("Reconsidered", $"{user} has a session at its node and is not stored as online");
        }
    }

    private static UserRef RefOf(string user) => new(World.Id(user), Sid: null, MayCreate: false);

    private SimulatedNode HolderOf(string user) => _nodes[Array.IndexOf(Names, user) % _nodes.Count];

    private void SendFrom(SimulatedNode sender, ServiceCommit commit)
    {
        _truth.Take(commit);
        foreach (var node in _nodes.Where(node => node != sender))
            node.OnTheWay.Add(commit);
    }

    private static void Submit<T>(SimulatedNode node, Command<T> command)
    {
        Observe(node.World.Queue.SubmitAsync(command));
        node.Write();
    }

    private async Task OpenAsync(SimulatedNode node, NodeStep step)
    {
        string[] keys = step.A % 3 == 0 ? [Names[step.B % 4], Names[(step.B + 1) % 4]] : [];
        var reasons = step.B % 4 == 0 ? UpdateReasons.ReachabilityOnline : UpdateReasons.None;
        var startNow = step.A % 5 == 0;
        var client = new WatchModel(new WatchFilter(keys.Select(World.Key), reasons, UserView.Full), _truth) { IsStartedNow = startNow };
        var watch = new SimulatedNodeWatch(client);
        _watches.Add(watch);
        await watch.OpenAsync(node, _sid, from: null, startNow);
    }

    private async Task ResumeAsync(SimulatedNodeWatch watch, SimulatedNode node, int b)
    {
        var bookmarks = watch.Client.Bookmarks;
        var from = bookmarks.Count == 0 ? null : b % 3 == 0 ? bookmarks[b % bookmarks.Count] : bookmarks[^1];
        await watch.OpenAsync(node, _sid, from, startNow: false);
    }

    // Errors are expected here, and no code waits for the outcome.
    private static void Observe(Task outcome) => _ = outcome.ContinueWith(static done => done.Exception, TaskScheduler.Default);
}
