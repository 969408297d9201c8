using BenchmarkDotNet.Running;
using GrpcPresence.MicroBench.Fixture;

const string QuickSwitch = "--quick";

Scale.IsQuick = args.Contains(QuickSwitch);
var wanted = args.Where(argument => argument != QuickSwitch).ToArray();
if (wanted.Length == 0)
    wanted = ["--filter", "*"];
var reports = BenchmarkSwitcher.FromAssembly(typeof(BenchConfig).Assembly).Run(wanted, BenchConfig.Create())
    .SelectMany(summary => summary.Reports)
    .ToList();

// BenchmarkDotNet itself ends with 0 when benchmarks throw. A check that ran nothing has checked nothing.
return reports.All(report => report.Success) && (reports.Count > 0 || !Scale.IsQuick) ? 0 : 1;
