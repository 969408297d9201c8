#!/usr/bin/env bash
# Random histories through several nodes, on all cores, with a release build, which takes a quarter of the time:
#   bash .ci/cluster-histories.sh [COUNT]      10,000 by default
# A failure prints the seed and the shortest history that still fails.
set -euo pipefail
cd "$(dirname "$0")/.."
count=${1:-10000}
# A history allocates 28 MB, nearly all of it for a short time.
export DOTNET_gcConcurrent=0 DOTNET_GCgen0size=0x4000000
dotnet build -c Release tests/GrpcPresence.Core.Tests
if PRESENCE_CLUSTER_HISTORIES=$count artifacts/bin/GrpcPresence.Core.Tests/release/GrpcPresence.Core.Tests -noColor \
  -class GrpcPresence.Core.Tests.Cluster.Simulation.ClusterSimulationTests; then
  printf 'ok - %s histories through several nodes\n' "$count"
else
  printf 'not ok - %s histories through several nodes\n' "$count"
  exit 1
fi
