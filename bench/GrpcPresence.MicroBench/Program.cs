using BenchmarkDotNet.Running;
using GrpcPresence.MicroBench.Fixture;

const string QuickSwitch = "--quick";

Scale.IsQuick = args.Contains(QuickSwitch);
var wanted = args.Where(argument => argument != QuickSwitch).ToArray();
if (wanted.Length == 0)
    wanted = ["--filter", "*"];
var summaries = BenchmarkSwitcher.FromAssembly(typeof(BenchConfig).Assembly).Run(wanted, BenchConfig.Create()).ToList();

// BenchmarkDotNet itself ends with 0 when benchmarks throw. A check that ran nothing has checked nothing.
var reports = summaries.SelectMany(summary => summary.Reports).ToList();
var failed = summaries.Any(summary => summary.HasCriticalValidationErrors) || reports.Any(report => !report.Success);
return failed || (Scale.IsQuick && reports.Count == 0) ? 1 : 0;
