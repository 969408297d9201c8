// Planned changes of a cluster under load: nodes join, all are stopped and started again one by one, and one leaves for good. Every stop
// ends with exit code 0, no user is seen offline, every heartbeat needs at most one retry, and every stream resumes elsewhere.
//   bash tests/faults/run.sh cluster-roll [NODES [SESSIONS]]
import { step } from '../clients/node/tap.mjs';
import { canCluster } from './harness/cluster/cluster.mjs';
import { restart } from './harness/cluster/faults.mjs';
import { closeStage, openStage } from './harness/cluster/stage.mjs';

const [nodes = '1', sessions = '1000'] = process.argv.slice(2);
const MOST_NODES = 3;
const COMERS = 20;

const stage = await openStage({ nodes, sessions });
const { cluster, load } = stage;
while (canCluster && cluster.running.length < MOST_NODES) {
  await step(`a node joins ${cluster.running.length}`, async () => {
    load.faultBegins();
    load.watchAt(await cluster.grow());
    await load.recovered(`a node has joined, so there are ${cluster.running.length}`, { oneRetrySuffices: true });
  });
}
for (const index of cluster.indices) {
  await step(`planned restart of node ${index}`, async () => {
    load.leave(COMERS);
    load.arrive(COMERS);
    await restart(stage, index);
    await load.recovered(`planned restart of node ${index}`, { oneRetrySuffices: cluster.running.length > 1 });
  });
}
if (cluster.running.length > 1) {
  await step('a node leaves for good', async () => {
    const [index] = cluster.indices;
    load.unwatch(index);
    load.faultBegins();
    const code = await cluster.shrink(index);
    if (code !== 0) throw new Error(`node ${index} ended with ${code}`);
    await load.recovered(`node ${index} has left, so there are ${cluster.running.length}`, { oneRetrySuffices: true });
  });
}
await closeStage(stage);
