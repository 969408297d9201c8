// The network of a cluster is cut, each node in a network namespace of its own (root): between two nodes, in one direction, between one
// node and all others, and between nodes and PostgreSQL. No user whose session goes on sending heartbeats through the balancer is seen
// offline.
//   bash tests/faults/run.sh cluster-cut [SECONDS [NODES [SESSIONS]]]
import { step } from '../clients/node/tap.mjs';
import { cut } from './harness/cluster/faults.mjs';
import { kindsOfCut } from './harness/cluster/cuts.mjs';
import { DEFAULT_NODES, closeStage, openStage } from './harness/cluster/stage.mjs';

const [seconds = '15', nodes = DEFAULT_NODES, sessions = '1000'] = process.argv.slice(2);
const COMERS = 20;

const stage = await openStage({ nodes, sessions, inNetwork: true });
const { cluster, load } = stage;
for (const { name, suffering, paths } of kindsOfCut(cluster)) {
  await step(`${name} for ${seconds} s`, async () => {
    load.leave(COMERS);
    load.arrive(COMERS);
    await cut(stage, suffering, paths, Number(seconds) * 1_000);
    await load.recovered(`${name} for ${seconds} s`);
  });
}
await closeStage(stage);
