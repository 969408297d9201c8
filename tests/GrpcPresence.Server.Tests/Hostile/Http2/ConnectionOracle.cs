using Grpc.Core;

namespace GrpcPresence.Server.Tests.Hostile.Http2;

/// <summary>Decides whether the server may give the answers on a connection. An objection is a sentence; null means no objection.</summary>
internal static class ConnectionOracle
{
    public static string? Objection(Conversation conversation, IReadOnlyDictionary<int, StreamAnswer> answers)
    {
        if (answers.Values.FirstOrDefault(answer => answer.GrpcStatus is (int)StatusCode.Unknown) is not null)
            return "UNKNOWN is never an answer";
        return conversation.Statuses is { } expected
            ? conversation.Awaited
                .Select(stream => ObjectionTo(answers.GetValueOrDefault(stream), expected))
                .FirstOrDefault(found => found is not null)
            : answers.Values.Where(answer => !IsDocumented(answer)).Select(answer => $"{answer}").FirstOrDefault();
    }

    private static string? ObjectionTo(StreamAnswer? answer, int[] expected) =>
        answer?.GrpcStatus is { } status && expected.Contains(status)
            ? null
            : $"answered {answer?.ToString() ?? "nothing"}, not gRPC {string.Join(" or ", expected)}";

    // Damaging a frame may damage a message, which is the only valid cause of INTERNAL here.
    private static bool IsDocumented(StreamAnswer answer) => answer.GrpcStatus is not { } status || Enum.IsDefined((StatusCode)status);
}
