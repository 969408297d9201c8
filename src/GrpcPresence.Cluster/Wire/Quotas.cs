using GrpcPresence.Core.Quotas;

namespace GrpcPresence.Cluster.Wire;

/// <summary>Converts the messages about shares of quotas.</summary>
internal static class Quotas
{
    public static V1.QuotaMessage Encode(QuotaMessage message)
    {
        var encoded = new V1.QuotaMessage { From = Values.Encode(message.From), Data = Values.Encode(message.Data) };
        switch (message)
        {
            case QuotaReport it:
                encoded.Report = new() { Number = it.Number };
                encoded.Report.Subjects.AddRange(it.Subjects.Select(Encode));
                encoded.Report.Answers.AddRange(it.Answers.Select(Encode));
                break;
            case QuotaGrants it:
                encoded.Grants = new();
                encoded.Grants.Subjects.AddRange(it.Subjects.Select(Encode));
                break;
            case QuotaInquiry it:
                encoded.Inquiry = new();
                encoded.Inquiry.Shards.AddRange(it.Shards.Select(Encode));
                break;
            default:
                throw new NotSupportedException($"The message {message.GetType().Name} has no form on the wire.");
        }
        return encoded;
    }

    /// <summary>Returns null for a message of a later version.</summary>
    public static QuotaMessage? Decode(V1.QuotaMessage message)
    {
        var from = Values.Decode(message.From);
        var data = Values.Decode(message.Data);
        return message.MessageCase switch
        {
            V1.QuotaMessage.MessageOneofCase.Report => new QuotaReport(
                from,
                message.Report.Number,
                [.. message.Report.Subjects.Where(subject => IsKnown(subject.Subject)).Select(Decode)],
                [.. message.Report.Answers.Select(Decode)])
            { Data = data },
            V1.QuotaMessage.MessageOneofCase.Grants => new QuotaGrants(
                from, [.. message.Grants.Subjects.Where(subject => IsKnown(subject.Subject)).Select(Decode)])
            { Data = data },
            V1.QuotaMessage.MessageOneofCase.Inquiry =>
                new QuotaInquiry(from, [.. message.Inquiry.Shards.Select(Decode)]) { Data = data },
            _ => null,
        };
    }

    private static V1.QuotaSubjectReport Encode(SubjectReport report) => new()
    {
        Subject = Encode(report.Subject),
        Stamp = Encode(report.Stamp),
        Holds = Encode(report.Holds),
        Demand = Encode(report.Demand),
        IsIdle = report.IsIdle,
        Returned = Encode(report.Returned),
    };

    private static SubjectReport Decode(V1.QuotaSubjectReport report) => new(
        Decode(report.Subject),
        Decode(report.Stamp),
        Decode(report.Holds),
        Decode(report.Demand),
        report.IsIdle,
        Decode(report.Returned));

    private static V1.QuotaSubjectGrant Encode(SubjectGrant grant) => new()
    {
        Subject = Encode(grant.Subject),
        Stamp = Encode(grant.Stamp),
        Amounts = Encode(grant.Amounts),
        IsRelease = grant.IsRelease,
        Tokens = Encode(grant.Tokens),
        IsPart = grant.IsPart,
    };

    private static SubjectGrant Decode(V1.QuotaSubjectGrant grant) => new(
        Decode(grant.Subject), Decode(grant.Stamp), Decode(grant.Amounts), grant.IsRelease, Decode(grant.Tokens), grant.IsPart);

    private static V1.QuotaInquiryOfShard Encode(QuotaInquiryOfShard inquiry) =>
        new() { Shard = (uint)inquiry.Shard.Number, Stamp = Encode(inquiry.Stamp) };

    private static QuotaInquiryOfShard Decode(V1.QuotaInquiryOfShard inquiry) =>
        new(Values.DecodeShard(inquiry.Shard), Decode(inquiry.Stamp));

    private static V1.QuotaStamp Encode(QuotaStamp stamp) => new() { Epoch = stamp.Epoch, Number = stamp.Number };

    private static QuotaStamp Decode(V1.QuotaStamp stamp) => new(stamp.Epoch, stamp.Number);

    private static V1.QuotaKey Encode(QuotaKey key) => new()
    {
        Kind = key.Kind switch
        {
            QuotaKind.ServiceInstance => V1.QuotaKind.ServiceInstance,
            QuotaKind.ApiKey => V1.QuotaKind.ApiKey,
            QuotaKind.EndUser => V1.QuotaKind.EndUser,
            _ => throw new NotSupportedException($"The kind {key.Kind} of subjects has no form on the wire."),
        },
        NumberHigh = Values.High(key.Number),
        NumberLow = Values.Low(key.Number),
        Text = key.Text,
    };

    private static bool IsKnown(V1.QuotaKey key) =>
        key.Kind is V1.QuotaKind.ServiceInstance or V1.QuotaKind.ApiKey or V1.QuotaKind.EndUser;

    private static QuotaKey Decode(V1.QuotaKey key) => new(
        key.Kind switch
        {
            V1.QuotaKind.ServiceInstance => QuotaKind.ServiceInstance,
            V1.QuotaKind.ApiKey => QuotaKind.ApiKey,
            _ => QuotaKind.EndUser,
        },
        Values.Join(key.NumberHigh, key.NumberLow),
        key.Text);

    private static V1.QuotaAmounts Encode(QuotaAmounts amounts) => new()
    {
        HeartbeatsPerSecond = amounts.HeartbeatsPerSecond,
        WritesPerSecond = amounts.WritesPerSecond,
        NewStreamsPerSecond = amounts.NewStreamsPerSecond,
        RowsReadPerSecond = amounts.RowsReadPerSecond,
        OpenStreams = amounts.OpenStreams,
        WatchedUsers = amounts.WatchedUsers,
    };

    private static QuotaAmounts Decode(V1.QuotaAmounts amounts) => new(
        amounts.HeartbeatsPerSecond,
        amounts.WritesPerSecond,
        amounts.NewStreamsPerSecond,
        amounts.RowsReadPerSecond,
        amounts.OpenStreams,
        amounts.WatchedUsers);
}
