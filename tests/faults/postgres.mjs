// PostgreSQL is frozen, stopped, or locked from outside for a while, and its sessions are killed, under a server that uses it. The promises
// are the same as for a full disk: leases stand, users stored as online get answers, calls that need a commit fail clearly, and nothing
// acknowledged is lost. Requires FAULTS_STORE=postgres.
//   FAULTS_STORE=postgres bash tests/faults/run.sh postgres [FAULT [SECONDS]]
import { setTimeout as pause } from 'node:timers/promises';
import { call } from '../clients/node/presence.mjs';
import { step, theEnd } from '../clients/node/tap.mjs';
import { Follower } from './harness/follower.mjs';
import { runOutage } from './harness/outage.mjs';
import { Server, postgres } from './harness/server.mjs';
import { newService, readUsers, rename } from './harness/stage.mjs';
import { until } from './harness/waiting.mjs';

if (!postgres) throw new Error('This scenario needs FAULTS_STORE=postgres.');
const [only, seconds = '10'] = process.argv.slice(2);
const USERS = Array.from({ length: 20 }, (_, i) => `user-${i}`);
const KILLS = 10;
// A server that does not answer is noticed by the time limits of a commit and of a new connection.
const NOTICED_WITHIN_MS = 20_000;
const RECOVERED_WITHIN_MS = 10_000;
const RETRY_MS = 50;

const faults = {
  frozen: { begin: () => postgres.freeze(), clear: () => postgres.thaw() },
  stopped: { begin: () => postgres.stop('fast'), clear: () => postgres.start() },
  crashed: { begin: () => postgres.stop('immediate'), clear: () => postgres.start() },
  locked: { begin: () => postgres.lock(), clear: () => postgres.unlock() },
};
for (const [name, { begin, clear }] of Object.entries(faults)) {
  if (only && only !== name) continue;
  let since;
  await runOutage({
    server: new Server(),
    what: `PostgreSQL is ${name}`,
    noticedWithinMs: NOTICED_WITHIN_MS,
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
    // The first reads may find connections that were killed.
    const read = () => readUsers(client.users, serviceSid, USERS).catch(() => undefined);
    const found = await until('a read is answered', read, RECOVERED_WITHIN_MS);
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
