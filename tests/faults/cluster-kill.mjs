// Nodes of a cluster are killed with SIGKILL under load, behind a balancer that chooses a node for each request: no user whose session goes
// on sending heartbeats is seen offline by any watcher, no revision repeats, each acknowledged write is there, and tokens resume anywhere.
//   bash tests/faults/run.sh cluster-kill [ROUNDS [NODES [SESSIONS]]]
import { step } from '../clients/node/tap.mjs';
import { kill, killAll } from './harness/cluster/faults.mjs';
import { DEFAULT_NODES, closeStage, openStage } from './harness/cluster/stage.mjs';

const [rounds = '3', nodes = DEFAULT_NODES, sessions = '1000'] = process.argv.slice(2);
const COMERS = 20;
// The goal is 5 s on a quiet machine.
const ACCEPTED_WITHIN_MS = 10_000;

const stage = await openStage({ nodes, sessions });
const { cluster, load } = stage;
for (let round = 1; round <= Number(rounds); round += 1) {
  const index = cluster.indices[round % cluster.indices.length];
  await step(`round ${round}: kill -9 of node ${index}`, async () => {
    load.leave(COMERS);
    load.arrive(COMERS);
    await kill(stage, index);
    await load.recovered(`kill -9 of node ${index}`, { acceptedWithinMs: ACCEPTED_WITHIN_MS });
  });
}
await step('kill -9 of all nodes at once', async () => {
  await killAll(stage);
  await load.recovered('kill -9 of all nodes');
});
await closeStage(stage);
