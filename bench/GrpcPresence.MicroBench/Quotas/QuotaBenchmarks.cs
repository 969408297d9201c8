using System.Threading.RateLimiting;
using BenchmarkDotNet.Attributes;
using BenchmarkDotNet.Configs;
using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Domain.Users;
using GrpcPresence.Core.Quotas;
using GrpcPresence.Core.Telemetry;
using GrpcPresence.MicroBench.Fixture;

namespace GrpcPresence.MicroBench.Quotas;

/// <summary>
/// Compares the quotas of end users with System.Threading.RateLimiting: docs/adr/0002-quotas.md. The rates are out of reach, so that
/// nothing is rejected.
/// </summary>
[GroupBenchmarksBy(BenchmarkLogicalGroupRule.ByCategory)]
[CategoriesColumn]
public class QuotaBenchmarks : IDisposable
{
    private const int Subjects = 10_000;

    private static readonly ServiceSid Service = new(1);

    private static readonly QuotaLimits Limits = new()
    {
        OpenStreams = int.MaxValue,
        WatchedUsers = int.MaxValue,
        HeartbeatsPerSecond = int.MaxValue,
        WritesPerSecond = int.MaxValue,
        NewStreamsPerSecond = int.MaxValue,
        RowsReadPerSecond = int.MaxValue,
        ConcurrentReads = int.MaxValue,
    };

    private readonly TokenBucketRateLimiterOptions _bucketOptions = new()
    {
        TokenLimit = int.MaxValue,
        TokensPerPeriod = int.MaxValue,
        ReplenishmentPeriod = TimeSpan.FromMilliseconds(10),
        AutoReplenishment = false,
    };

    private readonly ConcurrencyLimiterOptions _levelOptions = new() { PermitLimit = int.MaxValue };
    private readonly Identity[] _identities = [.. Enumerable.Range(0, Subjects).Select(Sample.Identity)];
    private readonly PresenceMetrics _metrics = new();
    private readonly QuotaPolicy _policy = new(QuotaSubject.Caller, Limits, TimeProvider.System.TimestampFrequency);
    private readonly TokenBucket _bucket = new(new TokenBucketOptions(Limits.HeartbeatsPerSecond, TimeProvider.System.TimestampFrequency));
    private readonly TokenBucketRateLimiter _frameworkBucket;
    private readonly QuotaLimiter _limiter;
    private readonly PartitionedRateLimiter<Identity> _partitioned;
    private int _next;

    /// <summary>Creates both sets of subjects. Each subject is created at its first use.</summary>
    public QuotaBenchmarks()
    {
        _limiter = new QuotaLimiter(Limits, Limits, Limits, _metrics, TimeProvider.System);
        _frameworkBucket = new TokenBucketRateLimiter(_bucketOptions);
        _partitioned = PartitionedRateLimiter.Create<Identity, Identity>(
            user => RateLimitPartition.GetTokenBucketLimiter(user, _ => _bucketOptions));
    }

    /// <summary>Takes one token of one bucket.</summary>
    [Benchmark(Baseline = true, Description = "TokenBucket")]
    [BenchmarkCategory("take")]
    public bool Take() => _bucket.TryTake(1, TimeProvider.System.GetTimestamp(), out _);

    /// <summary>The same. The bucket is replenished first, because ours is also exact at any moment.</summary>
    [Benchmark(Description = "TokenBucketRateLimiter")]
    [BenchmarkCategory("take")]
    public bool TakeWithFramework()
    {
        _frameworkBucket.TryReplenish();
        using var lease = _frameworkBucket.AttemptAcquire();
        return lease.IsAcquired;
    }

    /// <summary>Finds the subject and takes one token.</summary>
    [Benchmark(Baseline = true, Description = "QuotaLimiter")]
    [BenchmarkCategory("find and take")]
    public bool Find() => _limiter.TryChargeHeartbeat(_limiter.OfEndUser(Service, Next()), caller: null, out _);

    /// <summary>The same. A timer replenishes.</summary>
    [Benchmark(Description = "PartitionedRateLimiter")]
    [BenchmarkCategory("find and take")]
    public bool FindWithFramework()
    {
        using var lease = _partitioned.AttemptAcquire(Next());
        return lease.IsAcquired;
    }

    /// <summary>Creates the state of a subject: three rates and two levels.</summary>
    [Benchmark(Baseline = true, Description = "UsageCounters")]
    [BenchmarkCategory("subject")]
    public object NewSubject() => new UsageCounters(QuotaKey.Of(Service, _identities[0]), _policy);

    /// <summary>The same.</summary>
    [Benchmark(Description = "3 TokenBucketRateLimiter, 2 ConcurrencyLimiter")]
    [BenchmarkCategory("subject")]
    public object NewSubjectWithFramework() => (
        new TokenBucketRateLimiter(_bucketOptions),
        new TokenBucketRateLimiter(_bucketOptions),
        new TokenBucketRateLimiter(_bucketOptions),
        new ConcurrencyLimiter(_levelOptions),
        new ConcurrencyLimiter(_levelOptions));

    /// <inheritdoc/>
    [GlobalCleanup]
    public void Dispose()
    {
        _frameworkBucket.Dispose();
        _partitioned.Dispose();
        _metrics.Dispose();
        GC.SuppressFinalize(this);
    }

    private Identity Next()
    {
        if (++_next == Subjects)
            _next = 0;
        return _identities[_next];
    }
}
