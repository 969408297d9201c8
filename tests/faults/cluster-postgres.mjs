// PostgreSQL is stopped, crashed and frozen for a while under a cluster, once while a node dies. A standby is promoted in its place, with
// and without lost commits. Leases stand meanwhile, and nobody is deposed. Lost commits are noticed: watches are reset with
// TIMELINE_CHANGED, and in the end all clients know what is stored.
//   bash tests/faults/run.sh cluster-postgres [SECONDS [NODES [SESSIONS]]]
import { step } from '../clients/node/tap.mjs';
import { killWithoutStore, promote, withoutStore } from './harness/cluster/faults.mjs';
import { DEFAULT_NODES, closeStage, openStage } from './harness/cluster/stage.mjs';

const [seconds = '20', nodes = DEFAULT_NODES, sessions = '1000'] = process.argv.slice(2);
const LOST_MS = 3_000;
const COMERS = 20;

const stage = await openStage({ nodes, sessions });
const { cluster, load } = stage;
for (const mode of ['fast', 'immediate', 'frozen']) {
  await step(`PostgreSQL is away for ${seconds} s: ${mode}`, async () => {
    load.leave(COMERS);
    await withoutStore(stage, mode, Number(seconds) * 1_000);
    await load.recovered(`PostgreSQL was away for ${seconds} s: ${mode}`);
    const ended = cluster.running.filter((node) => node.ends.length > 0);
    if (ended.length > 0) throw new Error(`node ${ended[0].index} ended: ${ended[0].ends}`);
  });
}
await step(`a node dies while PostgreSQL is away for ${seconds} s`, async () => {
  await killWithoutStore(stage, cluster.indices[0], Number(seconds) * 1_000);
  await load.recovered('a node died while PostgreSQL was away');
});
await step('a standby is promoted, and nothing is lost', async () => {
  load.arrive(COMERS);
  await promote(stage, 'standby-1', 0);
  await load.recovered('a standby was promoted, and nothing was lost');
});
await step(`a standby is promoted that lacks the commits of ${LOST_MS} ms`, async () => {
  load.arrive(COMERS);
  await promote(stage, 'standby-2', LOST_MS);
  await load.recovered('a standby was promoted that lacked commits');
  await load.lossIsOver();
});
await step('what is acknowledged from now on stays', () => load.recovered('after lost commits'));
await closeStage(stage);
