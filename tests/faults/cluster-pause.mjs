// Nodes of a cluster are stopped with SIGSTOP, behind a balancer that does not notice it: a client that gets no answer calls again, and no
// user whose session goes on sending heartbeats is seen offline by any watcher. A node that goes on afterwards answers nothing with what it
// knew before.
//   bash tests/faults/run.sh cluster-pause [SECONDS [NODES [SESSIONS]]]
import { step } from '../clients/node/tap.mjs';
import { freeze } from './harness/cluster/faults.mjs';
import { DEFAULT_NODES, closeStage, openStage } from './harness/cluster/stage.mjs';

const [seconds = '30', nodes = DEFAULT_NODES, sessions = '1000'] = process.argv.slice(2);
const BRIEF_MS = 700; // shorter than a node stays confirmed
const COMERS = 20;

const stage = await openStage({ nodes, sessions });
const { cluster, load } = stage;
await step(`SIGSTOP of node 1 for ${BRIEF_MS} ms`, async () => {
  await freeze(stage, 1, BRIEF_MS);
  await load.recovered(`SIGSTOP of node 1 for ${BRIEF_MS} ms`);
});
const index = cluster.indices.at(-1);
await step(`SIGSTOP of node ${index} for ${seconds} s`, async () => {
  load.leave(COMERS);
  load.arrive(COMERS);
  await freeze(stage, index, Number(seconds) * 1_000);
  await load.recovered(`SIGSTOP of node ${index} for ${seconds} s`);
});
await closeStage(stage);
