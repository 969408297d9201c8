// The wall clock of a node of a cluster steps by an hour, forward and back, under load (needs the package libfaketime). Leases and the
// order of changes do not depend on it: no user whose session goes on sending heartbeats is seen offline, and no user stays online longer.
//   bash tests/faults/run.sh cluster-clock [NODES [SESSIONS]]
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { step } from '../clients/node/tap.mjs';
import { Clock } from './harness/clock.mjs';
import { scratch } from './harness/server.mjs';
import { DEFAULT_NODES, closeStage, openStage } from './harness/cluster/stage.mjs';

const [nodes = DEFAULT_NODES, sessions = '1000'] = process.argv.slice(2);
const HOUR = 3_600;
// A full timeout of a session, and more.
const STEPPED_MS = 12_000;
const COMERS = 20;

const clocks = [];
const clockOf = (index) => (clocks[index] ??= new Clock(join(scratch, `clock-${index}`)));
const stage = await openStage({ nodes, sessions, envOf: (index) => clockOf(index).env });
const { cluster, load } = stage;
const [index] = cluster.indices;
for (const [name, seconds] of [['forward', HOUR], ['back', -HOUR]]) {
  await step(`the clock of node ${index} steps an hour ${name} for ${STEPPED_MS / 1_000} s`, async () => {
    load.leave(COMERS);
    load.arrive(COMERS);
    load.faultBegins();
    clockOf(index).set(seconds);
    await pause(STEPPED_MS);
    await load.recovered(`the clock of node ${index} stepped an hour ${name}`);
    clockOf(index).set(0);
  });
}
await closeStage(stage);
