// Stops the server under many open streams. Every watch ends in time, with its reason and its token. Clients that do not read, and a frozen
// client, delay no other client. After the next start all watches resume where they were.
//   bash tests/faults/run.sh drain [WATCHES]
import { call, detailsOf } from '../clients/node/presence.mjs';
import { step, theEnd } from '../clients/node/tap.mjs';
import { FleetWatch, openFleet } from './harness/fleet.mjs';
import { startClient } from './harness/frozen.mjs';
import { HealthWatch } from './harness/health.mjs';
import { openConnection } from './harness/http2.mjs';
import { Server } from './harness/server.mjs';
import { Beater, names, newService, readUsers } from './harness/stage.mjs';
import { until, within } from './harness/waiting.mjs';

const [watches = '10000'] = process.argv.slice(2);
const WATCHES = Number(watches);
const CONNECTIONS = 100;
const KEYS_OF_A_WATCH = 5;
const DEAF = 20;
const DEAF_WINDOW = 16 * 1024;
const FROZEN_WATCHES = 30;
const HEALTH_WATCHES = 10;
const BEATERS = 5;
const UNAVAILABLE = 14;
const END_WITHIN_MS = 5_000;
// Beyond the 5 s for the streams: the server writes queued commands and exits.
const EXIT_WITHIN_MS = 8_000;

const users = names('user', 200);
// Large enough that a few of them fill any window.
const large = names('large', 200);
const online = names('online', 100);

const server = new Server();
let client = await server.start();
let serviceSid;
let watching;
let deaf;
let health;
let beaters;
let stoppedAt;
let exited;

const keysOf = (index) => Array.from({ length: KEYS_OF_A_WATCH }, (_, i) => users[(index + i * 37) % users.length]);

const rename = (identity, friendlyName) =>
  call(client.users, 'updateUser', { user: { serviceSid, identity, friendlyName }, updateMask: { paths: ['friendly_name'] } });

await step(`${WATCHES} watches, ${DEAF} that are not read, health watches, heartbeat streams and a frozen client are there`, async () => {
  serviceSid = await newService(client);
  await Promise.all(users.map((identity) => call(client.users, 'createUser', { serviceSid, identity })));
  const attributes = JSON.stringify({ padding: 'x'.repeat(4_000) });
  await Promise.all(large.map((identity) => call(client.users, 'createUser', { serviceSid, identity, attributes })));

  watching = await openFleet(server.address, {
    connections: CONNECTIONS,
    watches: WATCHES,
    make: (session, index) => new FleetWatch(session, { serviceSid, userKeys: keysOf(index) }),
  });
  const deafSession = await openConnection(server.address, { window: DEAF_WINDOW });
  deaf = Array.from({ length: DEAF }, () => new FleetWatch(deafSession, { serviceSid }, { reads: false }));
  await within('the deaf watches are open', Promise.all(deaf.map((watch) => watch.stream.opened)), END_WITHIN_MS);
  health = Array.from({ length: HEALTH_WATCHES }, (_, i) => new HealthWatch(watching.sessions[i % CONNECTIONS]));
  await until('the health watches see SERVING', () => health.every((watch) => watch.statuses.at(-1) === 'SERVING'), END_WITHIN_MS);
  beaters = Array.from({ length: BEATERS }, () => new Beater(client.users, serviceSid, { endSessionsOnClose: true }));
  await Promise.all(beaters.map((beater, i) => beater.beat(online.filter((_, at) => at % BEATERS === i))));
  const { child } = await startClient(server.address, serviceSid, { watches: FROZEN_WATCHES, identities: ['frozen'] });
  child.kill('SIGSTOP');
  // More than the socket buffers hold.
  await Promise.all(large.map((identity) => rename(identity, 'while a client is frozen')));
});

await step('SIGTERM ends every watch within 5 s with SERVER_STOPPING and its token', async () => {
  // Committed just before the stop, so possibly not yet sent to watches.
  await Promise.all(users.slice(0, 50).map((identity) => rename(identity, 'just before the stop')));
  stoppedAt = performance.now();
  exited = server.stop();
  const ends = await within('every watch ended', Promise.all(watching.fleet.map((watch) => watch.stream.ended)), END_WITHIN_MS);
  console.log(`# ${WATCHES} watches ended in ${Math.round(performance.now() - stoppedAt)} ms`);
  const isRight = (end) => end.code === UNAVAILABLE && end.reason === 'SERVER_STOPPING'
    && end.metadata.resume_token && end.details.RetryInfo?.retryDelay;
  const wrong = ends.filter((end) => !isRight(end));
  if (wrong.length > 0) throw new Error(`${wrong.length} ended otherwise, such as ${JSON.stringify(wrong[0])}`);
});

await step('the others end in time as well: health watches see NOT_SERVING first, and unread streams are reset', async () => {
  const rest = END_WITHIN_MS - (performance.now() - stoppedAt);
  const ended = Promise.all(deaf.map((watch) => watch.stream.ended));
  const deafEnds = await within('the streams of clients that do not read ended', ended, rest);
  for (const end of deafEnds) {
    if (end.code !== UNAVAILABLE) throw new Error(`an unread stream ended with ${JSON.stringify(end)}`);
  }
  const healthEnds = await within('the health watches ended', Promise.all(health.map((watch) => watch.stream.ended)), rest);
  for (const [i, end] of healthEnds.entries()) {
    if (end.code !== UNAVAILABLE || health[i].statuses.at(-1) !== 'NOT_SERVING') {
      throw new Error(`a health watch saw ${health[i].statuses} and ended with ${JSON.stringify(end)}`);
    }
  }
  const beaterEnds = await within('the heartbeat streams ended', Promise.all(beaters.map((beater) => beater.ended)), rest);
  for (const end of beaterEnds) {
    if (end.code !== UNAVAILABLE || detailsOf(end).ErrorInfo?.reason !== 'SERVER_STOPPING') {
      throw new Error(`a heartbeat stream ended with ${end.code} ${end.details}`);
    }
  }
});

await step('the process exits with 0', async () => {
  const code = await within('the process exited', exited, EXIT_WITHIN_MS - (performance.now() - stoppedAt));
  console.log(`# it exited after ${Math.round(performance.now() - stoppedAt)} ms`);
  if (code !== 0) throw new Error(`the exit code is ${code}`);
});

await step('after the next start all watches resume without a reset or wrong data, and no user flapped', async () => {
  for (const session of watching.sessions) session.destroy();
  client.users.close();
  client.configuration.close();
  client = await server.start();
  await Promise.all(users.slice(100, 150).map((identity) => rename(identity, 'right after the start')));

  const before = watching.fleet;
  for (const watch of before) watch.token = watch.end.metadata.resume_token;
  const resumed = await openFleet(server.address, {
    connections: CONNECTIONS,
    watches: WATCHES,
    make: (session, index) => new FleetWatch(session, before[index].request, { from: before[index] }),
  });
  const reset = resumed.fleet.filter((watch) => watch.resets > 0).length;
  if (reset > 0) throw new Error(`${reset} of ${WATCHES} watches were reset`);
  const found = await readUsers(client.users, serviceSid, users);
  for (const watch of resumed.fleet) {
    for (const identity of watch.request.userKeys) {
      const [known, is] = [watch.users.get(identity), found.get(identity)];
      if (known.friendlyName !== is.friendlyName || known.revision !== is.revision) {
        throw new Error(
          `${identity} is "${known.friendlyName}" at ${known.revision} in a watch, but "${is.friendlyName}" at ${is.revision} in a read`);
      }
    }
    if (watch.updates > KEYS_OF_A_WATCH) throw new Error(`a watch of ${KEYS_OF_A_WATCH} users got ${watch.updates} updates`);
  }
  const gone = [...await readUsers(client.users, serviceSid, online)].filter(([, user]) => user.isOnline !== true);
  if (gone.length > 0) throw new Error(`${gone.length} users whose streams the server ended are offline, such as ${gone[0][0]}`);
});

await server.kill();
theEnd();
process.exit(0);
