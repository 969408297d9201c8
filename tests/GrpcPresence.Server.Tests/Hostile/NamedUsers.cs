using System.Collections.Concurrent;
using Google.Protobuf;
using Google.Protobuf.Reflection;
using GrpcPresence.Core.Domain.Users;
using GrpcPresence.V1;

namespace GrpcPresence.Server.Tests.Hostile;

/// <summary>The identities of users that accepted requests may have created. Safe from any thread.</summary>
internal sealed class NamedUsers
{
    private readonly ConcurrentDictionary<string, bool> _identities = [];

    public bool Contains(string identity) => _identities.ContainsKey(identity);

    public void Add(string identity) => _identities[identity] = true;

    /// <summary>Records the identities of an accepted call.</summary>
    public void Add(MethodDescriptor method, IReadOnlyList<byte[]> requests, CallOutcome outcome)
    {
        for (var i = 0; i < Math.Min(requests.Count, outcome.Messages.Count); i++)
            Add(method.InputType.Parser.ParseFrom(requests[i]), method.OutputType.Parser.ParseFrom(outcome.Messages[i]));
    }

    private void Add(IMessage request, IMessage response)
    {
        switch (request, response)
        {
            case (CreateUserRequest, CreateUserResponse created):
                Add(created.User.Identity);
                break;
            case (HeartbeatRequest heartbeat, HeartbeatResponse):
                AddKey(heartbeat.UserKey);
                break;
            case (StreamHeartbeatsRequest { Beats: { } beats }, StreamHeartbeatsResponse reply):
                var rejected = reply.Rejected.Select(entry => entry.Index).ToHashSet();
                foreach (var beat in beats.Beats.Where((_, index) => !rejected.Contains(index)))
                    AddKey(beat.UserKey);
                break;
        }
    }

    private void AddKey(string text)
    {
        if (UserKey.TryParse(text, out var key) && !key.IsSid)
            Add(text);
    }
}
