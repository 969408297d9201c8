// Many watches of all users stop reading while others read, and all users change. The readers receive everything, the stopped watches use
// bounded memory, and when they read again they end with the correct data.
//   bash tests/faults/run.sh slow [USERS] [READERS]
import { call } from '../clients/node/presence.mjs';
import { step, theEnd } from '../clients/node/tap.mjs';
import { FleetWatch, openFleet } from './harness/fleet.mjs';
import { openConnection } from './harness/http2.mjs';
import { mebibytes, memoryOf } from './harness/process.mjs';
import { Server } from './harness/server.mjs';
import { SkimmingWatch } from './harness/skimming.mjs';
import { Beater, names, newService, readUsers } from './harness/stage.mjs';
import { until, within } from './harness/waiting.mjs';

const [people = '30000', readers = '1000'] = process.argv.slice(2);
const READERS = Number(readers);
const CONNECTIONS = 10;
// Every so many readers, one watches all users; the others watch some users.
const OF_EVERYBODY = 10;
const SAMPLE = 3;
const KEYS = 10;
// Enough users that memory growing with the missed changes would be visible.
const STOPPED = 100;
const STOPPED_WINDOW = 16 * 1024;
const PATIENCE_MS = 60_000;
const MOST_GROWTH = 1.5;

const users = names('user', Number(people));
const server = new Server();
const client = await server.start();
const serviceSid = await newService(client, { sessionTimeout: { seconds: 3_600 } });
const beater = new Beater(client.users, serviceSid);
const request = { serviceSid, view: 'USER_VIEW_REACHABILITY' };
let skimming;
let decoding;
let stopped;
let round = 0;

function openReader(session, index) {
  if (index % OF_EVERYBODY > 0) {
    const userKeys = Array.from({ length: KEYS }, (_, i) => users[(index * KEYS + i * 997) % users.length]);
    return new FleetWatch(session, { ...request, userKeys });
  }
  return index / OF_EVERYBODY < SAMPLE ? new FleetWatch(session, request) : new SkimmingWatch(session, request);
}

// All users go offline, or come online. Returns the server's memory when all readers know of it.
async function changeEverybody() {
  const began = performance.now();
  for (const watch of skimming) watch.await(`last of round ${round + 1}`);
  if (round % 2 === 1) await beater.endSessions(users, (identity) => `${identity}-${round - 1}`);
  else await beater.beat(users, (identity) => `${identity}-${round}`);
  round += 1;
  await call(client.users, 'createUser', { serviceSid, identity: `last of round ${round}` });
  await until('all watches of all users have received everything', () => skimming.every((watch) => watch.hasSeen), PATIENCE_MS);
  const memory = memoryOf(server.pid);
  console.log(`# all users changed in ${Math.round(performance.now() - began)} ms; the server has ${mebibytes(memory)}`);
  await compare(decoding);
  return memory;
}

// The watches must know, or soon know, what a read returns.
async function compare(watches) {
  const found = await readUsers(client.users, serviceSid, users);
  const isRight = (watch) => (watch.request.userKeys ?? users).every((user) => {
    const [known, is] = [watch.users.get(user), found.get(user)];
    return known?.isOnline === is.isOnline && known.revision === is.revision;
  });
  await until(`${watches.length} watches agree with a read`, () => watches.every(isRight), PATIENCE_MS);
}

await step(`${READERS} readers see ${users.length} users come and go`, async () => {
  await beater.beat(users, (identity) => `${identity}-${round}`);
  round += 1;
  const { fleet } = await openFleet(server.address, { connections: CONNECTIONS, watches: READERS, make: openReader });
  skimming = fleet.filter((watch) => watch instanceof SkimmingWatch);
  decoding = fleet.filter((watch) => !(watch instanceof SkimmingWatch));
  await changeEverybody();
});

await step(`${STOPPED} stopped watches of all users delay no other client, and use bounded memory`, async () => {
  const without = await changeEverybody();
  const session = await openConnection(server.address, { window: STOPPED_WINDOW });
  stopped = Array.from({ length: STOPPED }, (_, i) =>
    new (i < SAMPLE ? FleetWatch : SkimmingWatch)(session, { ...request, start: 'WATCH_START_NOW' }, { reads: false }));
  await within('the stopped watches are open', Promise.all(stopped.map((watch) => watch.stream.opened)), PATIENCE_MS);
  await changeEverybody();
  const beside = await changeEverybody();
  if (beside > without * MOST_GROWTH) throw new Error(`memory grew from ${mebibytes(without)} to ${mebibytes(beside)}`);
});

await step('when they read again, they end at the truth', async () => {
  const behind = stopped.slice(SAMPLE);
  for (const watch of behind) watch.await(`last of round ${round}`);
  for (const watch of stopped) watch.stream.read();
  await until('all have caught up', () => behind.every((watch) => watch.hasSeen), PATIENCE_MS);
  await compare(stopped.slice(0, SAMPLE));
});

await server.kill();
theEnd();
process.exit(0);
