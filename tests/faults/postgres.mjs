// PostgreSQL is frozen, stopped, or locked from outside for a while, its disk is full, and its sessions are killed, under a server that
// uses it. The promises are the same as for a full disk of SQLite: leases stand, users stored as online get answers, calls that need a
// commit fail clearly and soon, and nothing acknowledged is lost. Requires FAULTS_STORE=postgres; `full` mounts a small disk, so it
// requires root.
//   FAULTS_STORE=postgres bash tests/faults/run.sh postgres [FAULT [SECONDS]]
import { setTimeout as pause } from 'node:timers/promises';
import { call } from '../clients/node/presence.mjs';
import { step, theEnd } from '../clients/node/tap.mjs';
import { Disk } from './harness/disk.mjs';
import { Follower } from './harness/follower.mjs';
import { runOutage } from './harness/outage.mjs';
import { Postgres } from './harness/postgres.mjs';
import { Server, postgres } from './harness/server.mjs';
import { newService, readUsers, rename } from './harness/stage.mjs';
import { until } from './harness/waiting.mjs';

if (!postgres) throw new Error('This scenario needs FAULTS_STORE=postgres.');
const [only, seconds = '10'] = process.argv.slice(2);
const USERS = Array.from({ length: 20 }, (_, i) => `user-${i}`);
const KILLS = 10;
// Once the outage is noticed, calls wait at most for the first attempt to connect again.
const REJECTED_WITHIN_MS = 4_000;
const RECOVERED_WITHIN_MS = 10_000;
const RETRY_MS = 50;

const faults = {
  frozen: { begin: () => postgres.freeze(), clear: () => postgres.thaw() },
  stopped: { begin: () => postgres.stop('fast'), clear: () => postgres.start() },
  crashed: { begin: () => postgres.stop('immediate'), clear: () => postgres.start() },
  locked: { begin: () => postgres.lock(), clear: () => postgres.unlock() },
  full: await fullDisk(),
};
for (const [name, fault] of Object.entries(faults)) {
  if (only && only !== name) continue;
  const { begin, clear, on = postgres } = fault;
  let since;
  await runOutage({
    server: new Server({ on }),
    what: `PostgreSQL is ${name}`,
    rejectedWithinMs: REJECTED_WITHIN_MS,
    begin: async () => {
      since = performance.now();
      await begin();
    },
    clear: async () => {
      await pause(Math.max(0, Number(seconds) * 1_000 - (performance.now() - since)));
      await clear();
    },
  });
}

if (!only || only === 'killed') {
  const server = new Server();
  const client = await server.start();
  const follower = new Follower();
  const acknowledged = new Map();
  let serviceSid;
  let round = 0;

  await step('users exist and are watched', async () => {
    serviceSid = await newService(client);
    follower.follow(client.users, serviceSid);
    for (const identity of USERS) await call(client.users, 'createUser', { serviceSid, identity });
  });

  await step(`the sessions of the server are killed ${KILLS} times: each edit is acknowledged after retries, and stays`, async () => {
    for (round = 1; round <= KILLS; round += 1) {
      postgres.killSessions();
      await Promise.all(USERS.map((identity) => edit(identity, `round ${round}`)));
    }
  });

  await step('what was acknowledged is there, and the watch has it', async () => {
    const found = await readUsers(client.users, serviceSid, USERS);
    const lost = USERS.filter((identity) => found.get(identity)?.friendlyName !== acknowledged.get(identity));
    if (lost.length > 0) throw new Error(`lost are the edits of ${lost}`);
    await until('the watch has caught up', () => follower.differences(found).length === 0, RECOVERED_WITHIN_MS);
    const code = await server.stop();
    if (code !== 0) throw new Error(`the exit code is ${code}`);
  });

  async function edit(identity, friendlyName) {
    const giveUpAt = performance.now() + RECOVERED_WITHIN_MS;
    for (;;) {
      try {
        await rename(client.users, serviceSid, identity, friendlyName);
        acknowledged.set(identity, friendlyName);
        return;
      } catch (error) {
        if (performance.now() > giveUpAt) throw error;
        await pause(RETRY_MS);
      }
    }
  }
}
theEnd();
process.exit(0);

// A server with its data on a small disk. It keeps its whole log, so that a restart frees nothing.
async function fullDisk() {
  if (only && only !== 'full') return undefined;
  const disk = new Disk('128m');
  const on = await Postgres.create(disk.path, { settings: ['wal_keep_size=1GB'], segments: 1 });
  return {
    on,
    begin: async () => {
      disk.fill();
      await on.exhaustLog();
    },
    clear: async () => {
      disk.free();
      await on.start();
    },
  };
}
