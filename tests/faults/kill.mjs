// Kills the server with SIGKILL at random moments under load, and compares its data afterwards with what it has acknowledged: nothing is
// lost, no user goes falsely offline, and resume tokens are still valid.
//   bash tests/faults/run.sh kill [ROUNDS]
import { setTimeout as pause } from 'node:timers/promises';
import { call } from '../clients/node/presence.mjs';
import { step, theEnd } from '../clients/node/tap.mjs';
import { Follower } from './harness/follower.mjs';
import { Ledger } from './harness/ledger.mjs';
import { Server } from './harness/server.mjs';
import { newService, readUsers, rename } from './harness/stage.mjs';

const WORKERS = 24;
const USERS_OF_A_WORKER = 20;
const BEAT_EVERY = 3;
const LEAST_LOAD_MS = 300;
const MOST_LOAD_MS = 1_200;

const [rounds = '12'] = process.argv.slice(2);
const server = new Server();
const ledger = new Ledger();
const follower = new Follower();
let acknowledged = 0;

// Renames users and sends heartbeats for them until a call fails because the server was killed.
async function work(users, serviceSid, worker, round) {
  for (let i = 0; ; i += 1) {
    const identity = `user-${worker}-${i % USERS_OF_A_WORKER}`;
    const friendlyName = `round ${round}, ${i}`;
    try {
      const isKnown = ledger.isKnown(identity);
      ledger.begin(identity, friendlyName);
      if (isKnown) {
        await rename(users, serviceSid, identity, friendlyName);
      } else {
        await call(users, 'createUser', { serviceSid, identity, friendlyName });
      }
      ledger.acknowledge(identity, friendlyName);
      if (i % BEAT_EVERY === 0) {
        await call(users, 'heartbeat', { serviceSid, userKey: identity, sessionId: `round-${round}` });
        ledger.beaten(identity);
      }
      acknowledged += 1;
    } catch {
      return;
    }
  }
}

const nameOf = (i) => `user-${Math.floor(i / USERS_OF_A_WORKER)}-${i % USERS_OF_A_WORKER}`;
const everybody = Array.from({ length: WORKERS * USERS_OF_A_WORKER }, (_, i) => nameOf(i));

let client = await server.start();
const serviceSid = await newService(client);
for (let round = 1; round <= Number(rounds); round += 1) {
  await step(`round ${round}: kill -9 under load loses nothing, and reads and watches are true`, async () => {
    follower.follow(client.users, serviceSid);
    const working = Array.from({ length: WORKERS }, (_, worker) => work(client.users, serviceSid, worker, round));
    await pause(LEAST_LOAD_MS + Math.random() * (MOST_LOAD_MS - LEAST_LOAD_MS));
    await server.kill();
    await Promise.all([...working, follower.lost()]);
    client.users.close();
    client.configuration.close();

    client = await server.start();
    await follower.catchUp(client.users, serviceSid);
    const found = await readUsers(client.users, serviceSid, everybody);
    follower.compare(found);
    const lies = [...ledger.lies(found), ...follower.lies];
    if (lies.length > 0) throw new Error(lies.join('\n'));
    if (follower.resets.length !== 1) throw new Error(`the watch was reset ${follower.resets.length} times; only its beginning is one`);
  });
}
await server.kill();
await step('something was acknowledged in every round', () => {
  if (acknowledged < Number(rounds)) throw new Error(`${acknowledged} operations in ${rounds} rounds`);
  console.log(`# ${acknowledged} operations of ${ledger.size} users were acknowledged`);
});
theEnd();
process.exit(0);
