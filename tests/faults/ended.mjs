// The server is killed with SIGKILL and started again. What it has acknowledged as ended stays ended: a late heartbeat begins neither an
// ended session nor a session of a deleted user again. A user that did not come back was last online when the server was killed.
//   bash tests/faults/run.sh ended
import { setTimeout as pause } from 'node:timers/promises';
import { call, rejected } from '../clients/node/presence.mjs';
import { step, theEnd } from '../clients/node/tap.mjs';
import { Server } from './harness/server.mjs';
import { newService } from './harness/stage.mjs';
import { until } from './harness/waiting.mjs';

const TIMEOUT_S = 6;
const DOWN_MS = 3_000;

const server = new Server();
let client = await server.start();
const serviceSid = await newService(client, {
  heartbeatInterval: { seconds: 2 }, sessionTimeout: { seconds: TIMEOUT_S }, offlineDebounce: { seconds: 0 },
});
const beat = (userKey, sessionId) => call(client.users, 'heartbeat', { serviceSid, userKey, sessionId });
const isOver = async (userKey, sessionId) => {
  const error = await rejected(client.users, 'heartbeat', { serviceSid, userKey, sessionId });
  if (error.reason !== 'SESSION_ENDED') throw new Error(`the heartbeat failed with ${error.reason}`);
};
const user = async (identity) => (await call(client.users, 'getUser', { serviceSid, userKey: identity })).user;
let killedAt;

async function killAndStart() {
  await server.kill();
  killedAt = Date.now();
  await pause(DOWN_MS);
  client = await server.start();
}

await step('an ended session stays ended after kill -9, for the rest of its lease', async () => {
  for (const name of ['ada', 'bob', 'cay']) await beat(name, 's1');
  await beat('bob', 's2');
  await call(client.users, 'endSession', { serviceSid, userKey: 'ada', sessionId: 's1' });
  await call(client.users, 'endSession', { serviceSid, userKey: 'bob', sessionId: 's1' });
  await pause(1_500); // the server stores its uptime once a second
  await killAndStart();
  await isOver('ada', 's1');
  await isOver('bob', 's1');
  await beat('bob', 's2');
  if ((await user('ada')).isOnline !== false) throw new Error('the user with the ended session is online');
});

await step('a user that does not come back was last online when the server was killed', async () => {
  await until('the user is offline', async () => (await user('cay')).isOnline === false, 3 * TIMEOUT_S * 1_000);
  const { seconds, nanos } = (await user('cay')).lastOnlineTime;
  const late = Number(seconds) * 1_000 + nanos / 1e6 - killedAt;
  if (late > 1_000 || late < -2_500) throw new Error(`last_online_time is ${late} ms after the kill`);
});

await step('the sessions of a deleted user stay ended, after their leases and after kill -9', async () => {
  await beat('dan', 's1');
  await call(client.users, 'deleteUser', { serviceSid, userKey: 'dan' });
  await isOver('dan', 's1');
  await killAndStart();
  await pause((TIMEOUT_S + 1) * 1_000);
  await isOver('dan', 's1');
  await beat('dan', 's2');
  await isOver('dan', 's1');
});

await server.kill();
theEnd();
process.exit(0);
