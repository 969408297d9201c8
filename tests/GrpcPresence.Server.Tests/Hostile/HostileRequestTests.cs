using GrpcPresence.Core.Domain;

namespace GrpcPresence.Server.Tests.Hostile;

/// <summary>Tests the server under hostile requests. The numbers of the cases are their seeds.</summary>
[Collection(nameof(HostileCollection))]
public sealed class HostileRequestTests(HostileRequestRun run, ITestOutputHelper output) : IClassFixture<HostileRequestRun>
{
    private const int Shown = 5;
    private const long Mebibyte = 1024 * 1024;

    // Allows for the normal variation of the heap: pools, caches, compiled code.
    private const double HeapRatio = 1.25;
    private const long HeapSlack = 16 * Mebibyte;

    [Fact]
    public void Every_request_is_answered_with_a_documented_status() =>
        Assert.True(run.Objections.Count == 0, $"{run.Objections.Count} objections: {string.Join("\n", run.Objections.Take(Shown))}");

    [Fact]
    public void Every_method_answers_some_requests_and_rejects_others()
    {
        foreach (var method in HostileRequest.Methods)
        {
            var (answered, rejected) = run.Calls[method.FullName];
            output.WriteLine($"{method.FullName}: {answered} answered, {rejected} rejected");
            // A caller without credentials may not use ApiKeyService.
            var answersNobody = method.Service == V1.ApiKeyService.Descriptor;
            Assert.True(answered > 0 != answersNobody && rejected > 0, $"{method.FullName} answered {answered} and rejected {rejected}.");
        }
    }

    [Fact]
    public void Nothing_is_logged() =>
        Assert.True(run.Logged.Count == 0, $"{run.Logged.Count} entries: {string.Join("\n", run.Logged.Take(Shown))}");

    [Fact]
    public void Memory_stays_flat()
    {
        output.WriteLine(
            $"{HostileRequestRun.Requests} requests in {run.Duration}: {run.HeapAfterWarmUp / Mebibyte} MiB alive after the warm-up, "
            + $"{run.HeapAtEnd / Mebibyte} at the end; at most {run.MostSessions} sessions of a user");
        Assert.True(run.HeapAtEnd < (run.HeapAfterWarmUp * HeapRatio) + HeapSlack, $"{run.HeapAfterWarmUp} bytes became {run.HeapAtEnd}.");
    }

    [Fact]
    public void No_user_has_more_sessions_than_are_allowed() => Assert.InRange(run.MostSessions, 1, Limits.SessionsPerUser);

    [Fact]
    public void Rejected_requests_create_no_users() => Assert.Empty(run.Intruders);
}
