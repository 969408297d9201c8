// Random faults of a cluster, one after another and sometimes two at once: nodes are killed, stopped, frozen and cut off, and PostgreSQL is
// stopped, while sessions go on behind a balancer. Prints the seed, which repeats the order of the faults (root: each node has its own
// network).
//   bash tests/faults/run.sh cluster-random [ROUNDS [NODES [SESSIONS [SEED]]]]
import { createHash } from 'node:crypto';
import { step } from '../clients/node/tap.mjs';
import { kindsOfCut } from './harness/cluster/cuts.mjs';
import { cut, freeze, kill, restart, withoutStore } from './harness/cluster/faults.mjs';
import { DEFAULT_NODES, closeStage, openStage } from './harness/cluster/stage.mjs';

const [rounds = '10', nodes = DEFAULT_NODES, sessions = '1000', seed = `${Date.now() % 1_000_000}`] = process.argv.slice(2);
const MOST_MS = 8_000;
const COMERS = 10;

// The same seed gives the same numbers.
let drawn = 0;
const below = (count) => createHash('sha256').update(`${seed} ${drawn += 1}`).digest().readUInt32BE() % count;
console.log(`# seed ${seed}`);
const stage = await openStage({ nodes, sessions, inNetwork: true });
const { cluster, load } = stage;
const anyNode = () => cluster.indices[below(cluster.indices.length)];

for (let round = 1; round <= Number(rounds); round += 1) {
  const index = anyNode();
  const ms = 500 + below(MOST_MS);
  const kinds = kindsOfCut(cluster);
  const path = kinds[below(kinds.length)];
  const mode = ['fast', 'immediate', 'frozen'][below(3)];
  const ofNodes = [
    [`kill -9 of node ${index}, down for ${ms} ms`, () => kill(stage, index, ms)],
    [`SIGSTOP of node ${index} for ${ms} ms`, () => freeze(stage, index, ms)],
  ];
  const ofOthers = [
    [`${path.name} for ${ms} ms`, () => cut(stage, path.suffering, path.paths, ms)],
    [`PostgreSQL is away for ${ms} ms (${mode})`, () => withoutStore(stage, mode, ms)],
  ];
  const ofAll = [...ofNodes, ...ofOthers, [`planned restart of node ${index}`, () => restart(stage, index)]];
  const chosen = below(4) === 0 ? [ofNodes[below(2)], ofOthers[below(2)]] : [ofAll[below(ofAll.length)]];
  const name = chosen.map(([one]) => one).join(', and ');
  await step(`round ${round} of seed ${seed}: ${name}`, async () => {
    load.leave(COMERS);
    load.arrive(COMERS);
    await Promise.all(chosen.map(([, act]) => act()));
    await load.recovered(name);
  });
}
await closeStage(stage);
