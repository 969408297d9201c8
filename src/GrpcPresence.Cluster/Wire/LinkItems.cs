using System.Collections.Immutable;
using Google.Protobuf;
using GrpcPresence.Core.Cluster.Channel;
using GrpcPresence.Core.Cluster.Ownership;
using GrpcPresence.Core.Cluster.Routing;
using GrpcPresence.Core.Domain.Cluster;
using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Domain.Users;
using GrpcPresence.Core.Presence;

namespace GrpcPresence.Cluster.Wire;

/// <summary>
/// Converts the batches of links. Heartbeats, and results that say nothing but success, are most of the items, so runs of these have a form
/// in columns, which takes a fraction of the time and of the bytes.
/// </summary>
internal static class LinkItems
{
    /// <summary>Converts a batch that a run sends.</summary>
    public static V1.LinkBatch Encode(LinkBatch batch, NodeId from)
    {
        var encoded = new V1.LinkBatch { Number = batch.Number };
        var items = batch.Items;
        for (var index = 0; index < items.Length;)
        {
            var run = new V1.LinkItems();
            switch (items[index])
            {
                case HeartbeatItem:
                    index = HeartbeatColumns.Encode(items, index, from, run.Heartbeats = new());
                    break;
                case ResultItem { Result: var result } when IsEmpty(result):
                    index = EncodeDone(items, index, run.Done = new());
                    break;
                default:
                    Encode(items[index++], run);
                    break;
            }
            encoded.Items.Add(run);
        }
        return encoded;
    }

    /// <summary>
    /// Reads a batch of a run. An item of a later version is left out: its call gets no answer, and the others need not wait for it.
    /// </summary>
    public static LinkBatch Decode(V1.LinkBatch batch, NodeId from, ref int unknown)
    {
        var items = ImmutableArray.CreateBuilder<LinkItem>();
        foreach (var run in batch.Items)
        {
            switch (run.ItemsCase)
            {
                case V1.LinkItems.ItemsOneofCase.Heartbeats:
                    HeartbeatColumns.Decode(run.Heartbeats, from, items);
                    break;
                case V1.LinkItems.ItemsOneofCase.Done:
                    DecodeDone(run.Done, items);
                    break;
                default:
                    if (Decode(run) is { } item)
                        items.Add(item);
                    else
                        unknown++;
                    break;
            }
        }
        return new LinkBatch(batch.Number, items.DrainToImmutable());
    }

    private static bool IsEmpty(CallResult result) => result is CallResult.Done { Response: { Body.IsEmpty: true, RowsRead: 0 } };

    private static int EncodeDone(ImmutableArray<LinkItem> items, int index, V1.CallNumbers done)
    {
        var last = 0L;
        for (; index < items.Length && items[index] is ResultItem item && IsEmpty(item.Result); index++)
        {
            done.Calls.Add(unchecked(item.Call - last));
            last = item.Call;
        }
        return index;
    }

    private static void DecodeDone(V1.CallNumbers done, ImmutableArray<LinkItem>.Builder items)
    {
        var call = 0L;
        foreach (var difference in done.Calls)
            items.Add(new ResultItem(call = unchecked(call + difference), CallResult.Done.Empty));
    }

    private static void Encode(LinkItem item, V1.LinkItems run)
    {
        switch (item)
        {
            case EndSessionItem it:
                run.EndSession = new()
                {
                    Call = it.Call,
                    Shard = (uint)it.Shard.Number,
                    Service = Values.Encode(it.Service, it.ServiceId),
                    User = Encode(it.User),
                    Session = it.Session.ToString(),
                    Exists = it.Exists,
                };
                break;
            case RequestItem it:
                run.Request = new()
                {
                    Call = it.Call,
                    Shard = (uint)it.Shard.Number,
                    // Nobody changes it: items are immutable.
                    Body = UnsafeByteOperations.UnsafeWrap(it.Request),
                    Kind = Encode(it.Kind),
                };
                break;
            case ResultItem it:
                run.Result = Encode(it);
                break;
            case CloseStreamItem it:
                run.CloseStream = new() { Stream = Values.Encode(it.Stream), EndsSessions = it.EndsSessions };
                break;
            case HandOverItem it:
                run.HandOver = HandOvers.Encode(it);
                break;
            default:
                throw new NotSupportedException($"The item {item.GetType().Name} has no form on the wire.");
        }
    }

    private static LinkItem? Decode(V1.LinkItems run)
    {
        switch (run.ItemsCase)
        {
            case V1.LinkItems.ItemsOneofCase.EndSession:
                var end = run.EndSession;
                return new EndSessionItem(
                    end.Call,
                    Values.DecodeShard(end.Shard),
                    Values.Decode(end.Service),
                    end.Service.Id,
                    Decode(end.User),
                    Values.DecodeSession(end.Session),
                    end.Exists);
            case V1.LinkItems.ItemsOneofCase.Request:
                var request = run.Request;
                return Decode(request.Kind) is { } kind
                    ? new RequestItem(request.Call, Values.DecodeShard(request.Shard), request.Body.Memory, kind)
                    : null;
            case V1.LinkItems.ItemsOneofCase.Result:
                return Decode(run.Result) is { } result ? new ResultItem(run.Result.Call, result) : null;
            case V1.LinkItems.ItemsOneofCase.CloseStream:
                return new CloseStreamItem(Values.Decode(run.CloseStream.Stream), run.CloseStream.EndsSessions);
            case V1.LinkItems.ItemsOneofCase.HandOver:
                return HandOvers.Decode(run.HandOver);
            default:
                return null;
        }
    }

    private static V1.UserRef Encode(UserRef user)
    {
        var encoded = new V1.UserRef { Identity = user.Identity.ToString(), MayCreate = user.MayCreate };
        if (user.Sid is { } sid)
            (encoded.SidHigh, encoded.SidLow) = (Values.High(sid.Value), Values.Low(sid.Value));
        return encoded;
    }

    private static UserRef Decode(V1.UserRef user) => new(
        Values.DecodeIdentity(user.Identity),
        user.HasSidHigh ? new UserSid(Values.Join(user.SidHigh, user.SidLow)) : null,
        user.MayCreate);

    private static V1.RequestKind Encode(RequestKind kind) => kind switch
    {
        RequestKind.Write => V1.RequestKind.Write,
        RequestKind.ReadSessions => V1.RequestKind.ReadSessions,
        _ => throw new NotSupportedException($"The kind {kind} of requests has no form on the wire."),
    };

    private static RequestKind? Decode(V1.RequestKind kind) => kind switch
    {
        V1.RequestKind.Write => RequestKind.Write,
        V1.RequestKind.ReadSessions => RequestKind.ReadSessions,
        _ => null,
    };

    private static V1.Result Encode(ResultItem item) => item.Result switch
    {
        CallResult.Done { Response: var response } => new()
        {
            Call = item.Call,
            Response = new() { Body = UnsafeByteOperations.UnsafeWrap(response.Body), RowsRead = response.RowsRead },
        },
        CallResult.Failed { Error: var error } => new() { Call = item.Call, Error = Encode(error) },
        CallResult.Moved { Holder: var holder } => new() { Call = item.Call, Moved = Values.Encode(holder) },
        _ => throw new NotSupportedException($"The result {item.Result.GetType().Name} has no form on the wire."),
    };

    private static CallResult? Decode(V1.Result result) => result.ResultCase switch
    {
        V1.Result.ResultOneofCase.Response =>
            new CallResult.Done(new CallResponse(result.Response.Body.Memory, result.Response.RowsRead)),
        V1.Result.ResultOneofCase.Error => new CallResult.Failed(Decode(result.Error)),
        V1.Result.ResultOneofCase.Moved => new CallResult.Moved(Values.Decode(result.Moved)),
        _ => null,
    };

    private static V1.Error Encode(CallError error)
    {
        var encoded = new V1.Error { Reason = (int)error.Reason, Message = error.Message };
        foreach (var violation in error.Violations)
        {
            encoded.Violations.Add(new V1.Violation
            {
                Field = violation.Field,
                Reason = (int)violation.Reason,
                Description = violation.Description,
            });
        }
        foreach (var (key, value) in error.Details)
            encoded.Details.Add(key, value);
        if (error.RetryAfter is { } retryAfter)
            encoded.RetryAfter = retryAfter.Ticks;
        return encoded;
    }

    private static CallError Decode(V1.Error error) => new(
        Values.DecodeReason(error.Reason),
        error.Message,
        [.. error.Violations.Select(violation => new Violation(
            violation.Field, Values.DecodeReason(violation.Reason), violation.Description))],
        new Dictionary<string, string>(error.Details),
        error.HasRetryAfter ? TimeSpan.FromTicks(error.RetryAfter) : null);
}
