using BenchmarkDotNet.Running;
using GrpcPresence.MicroBench.Fixture;

const string QuickSwitch = "--quick";

Scale.IsQuick = args.Contains(QuickSwitch);
var wanted = args.Where(argument => argument != QuickSwitch).ToArray();
if (wanted.Length == 0)
    wanted = ["--filter", "*"];
var summaries = BenchmarkSwitcher.FromAssembly(typeof(BenchConfig).Assembly).Run(wanted, BenchConfig.Create());

// BenchmarkDotNet itself ends with 0 when benchmarks throw.
return summaries.Any(summary => summary.HasCriticalValidationErrors || summary.Reports.Any(report => !report.Success)) ? 1 : 0;
