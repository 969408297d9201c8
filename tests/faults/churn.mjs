// Opens watches and abandons them continuously: some before their headers arrive, some in the middle of a snapshot, by a reset or by
// closing the whole connection. The server keeps nothing of them.
//   bash tests/faults/run.sh churn [WATCHES]
import { setTimeout as pause } from 'node:timers/promises';
import { call } from '../clients/node/presence.mjs';
import { step, theEnd } from '../clients/node/tap.mjs';
import { FleetWatch, openFleet } from './harness/fleet.mjs';
import { openConnection } from './harness/http2.mjs';
import { connectionsTo, handlesOf, littleMemory, mebibytes, memoryOf, threadsOf } from './harness/process.mjs';
import { Server } from './harness/server.mjs';
import { SkimmingWatch } from './harness/skimming.mjs';
import { Beater, names, newService } from './harness/stage.mjs';
import { until, within } from './harness/waiting.mjs';

const [watches = '10000'] = process.argv.slice(2);
const WATCHES = Number(watches);
const ROUNDS = 3;
const AT_ONCE = 250;
// Every so many watches, one names the maximum number of users.
const NAMES_MANY = 25;
const MANY = 1_000;
const MOST_PAUSE_MS = 30;
const PATIENCE_MS = 30_000;
// Within the server's memory limit, the amount of garbage is random. A leak ends the process or exceeds this limit.
const SPARE_ROUNDS = 3; // if memory has grown
const MOST_GROWTH = 1.6;
const SPARE_HANDLES = 10;
const SPARE_THREADS = 10;

const users = names('user', 1_000);
const server = new Server({ env: littleMemory });
const client = await server.start();
const serviceSid = await newService(client);
await new Beater(client.users, serviceSid).beat(users);
const memory = [];
let handles;
let threads;

const requestOf = (index) => (index % NAMES_MANY === 0 ? { serviceSid, userKeys: users.slice(0, MANY) } : { serviceSid });

// Opens some watches over one connection, and abandons each at a different moment.
async function churn(from) {
  const session = await openConnection(server.address);
  const all = Array.from({ length: AT_ONCE }, (_, i) => new SkimmingWatch(session, requestOf(from + i), { reads: i % 3 > 0 }));
  if ((from / AT_ONCE) % 4 === 3) {
    await pause(Math.random() * MOST_PAUSE_MS);
    session.destroy();
  }
  await Promise.all(all.map(async (watch, i) => {
    // Before any data, when headers arrived, or some time later.
    if (i % 4 === 1) await Promise.race([watch.stream.opened, watch.stream.ended]);
    if (i % 4 > 1) await pause(Math.random() * MOST_PAUSE_MS);
    watch.stream.cancel();
    await within('a watch that was given up ended', watch.stream.ended, PATIENCE_MS);
  }));
  session.destroy();
}

for (let round = 1; round <= ROUNDS; round += 1) {
  await step(`round ${round}: ${WATCHES} watches are opened and given up`, async () => {
    for (let from = 0; from < WATCHES; from += AT_ONCE) await churn(from);
    await until('their connections are gone', () => connectionsTo(server.port) === 1, PATIENCE_MS);
    memory.push(memoryOf(server.pid));
    handles ??= handlesOf(server.pid);
    threads ??= threadsOf(server.pid);
    console.log(`# the server has ${mebibytes(memory.at(-1))}, ${handlesOf(server.pid)} handles, ${threadsOf(server.pid)} threads`);
  });
}

await step('the server keeps nothing of them', async () => {
  // The garbage collector may not have run since the last round. What the server keeps, it still keeps after further rounds.
  for (let more = 1; more <= SPARE_ROUNDS && memory.at(-1) > memory[0] * MOST_GROWTH; more += 1) {
    for (let from = 0; from < WATCHES; from += AT_ONCE) await churn(from);
    await until('their connections are gone', () => connectionsTo(server.port) === 1, PATIENCE_MS);
    memory.push(memoryOf(server.pid));
  }
  if (memory.at(-1) > memory[0] * MOST_GROWTH) throw new Error(`memory grew from ${mebibytes(memory[0])} to ${mebibytes(memory.at(-1))}`);
  await until(`there are about ${handles} handles`, () => handlesOf(server.pid) <= handles + SPARE_HANDLES, PATIENCE_MS);
  await until(`there are about ${threads} threads`, () => threadsOf(server.pid) <= threads + SPARE_THREADS, PATIENCE_MS);
});

await step('it logged nothing about them', () => {
  const logged = server.log.split('\n').filter((line) => /^\S+ (warn|fail|crit)/.test(line));
  if (logged.length > 0) throw new Error(`${logged.length} lines, such as ${logged[0]}`);
});

await step('it serves as before', async () => {
  const { fleet: [watch] } = await openFleet(
    server.address, { connections: 1, watches: 1, make: (session) => new FleetWatch(session, { serviceSid }) });
  if (watch.users.size !== users.length) throw new Error(`a watch sees ${watch.users.size} of ${users.length} users`);
  await call(client.users, 'createUser', { serviceSid, identity: 'one more' });
  await until('the watch sees the change', () => watch.users.has('one more'), PATIENCE_MS);
});

await server.kill();
theEnd();
process.exit(0);
