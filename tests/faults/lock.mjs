// Another process, such as an operator's shell on the file, holds SQLite's write lock for 10 s. The promises are the same as for a full
// disk.
//   bash tests/faults/run.sh lock
import { setTimeout as pause } from 'node:timers/promises';
import { theEnd } from '../clients/node/tap.mjs';
import { LockHolder } from './harness/lock.mjs';
import { runOutage } from './harness/outage.mjs';
import { Server } from './harness/server.mjs';

const HOLD_MS = 10_000;

const server = new Server();
const holder = new LockHolder(server.database);
let heldSince;

await runOutage({
  server,
  what: 'the lock is held outside',
  begin: async () => {
    await holder.hold();
    heldSince = performance.now();
  },
  clear: async () => {
    await pause(Math.max(0, HOLD_MS - (performance.now() - heldSince)));
    await holder.release();
  },
});
theEnd();
process.exit(0);
