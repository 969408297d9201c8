// Stops the server process with SIGSTOP for longer than any session's timeout, and resumes it. Users that send heartbeats stay online.
// Other users go offline after the rest of their lease, counted in the time that the server was running.
//   bash tests/faults/run.sh pause [PAUSES]
import { setTimeout as pause } from 'node:timers/promises';
import { call } from '../clients/node/presence.mjs';
import { step, theEnd } from '../clients/node/tap.mjs';
import { Heart } from './harness/heart.mjs';
import { FleetWatch, openFleet } from './harness/fleet.mjs';
import { Server } from './harness/server.mjs';
import { briefLeases, names, newService } from './harness/stage.mjs';
import { until } from './harness/waiting.mjs';

const [pauses = '1'] = process.argv.slice(2);
const TIMEOUT_MS = 1_000 * briefLeases.sessionTimeout.seconds;
const PAUSE_MS = 2 * TIMEOUT_MS;
// The lease minus the time that the server was running before the pause; and the lease plus the delay of a loaded machine.
const LEAST_LEFT_MS = TIMEOUT_MS / 2;
const MOST_LEFT_MS = TIMEOUT_MS + 4_000;
const HEARTS = 100;
const PATIENCE_MS = 20_000;

const server = new Server();
const client = await server.start();
const serviceSid = await newService(client, briefLeases);
const { fleet: [watch] } = await openFleet(
  server.address, { connections: 1, watches: 1, make: (session) => new FleetWatch(session, { serviceSid }) });
const beating = [...names('streamed', HEARTS), ...names('unary', HEARTS)];
const hearts = [];
const offline = () => beating.filter((identity) => watch.users.get(identity)?.isOnline === false);

await step(`${beating.length} users come online, half over streams and half by single heartbeats`, async () => {
  for (const [i, identity] of beating.entries()) {
    hearts.push(i < HEARTS ? Heart.streamed(client.users, serviceSid, identity) : Heart.unary(client.users, serviceSid, identity));
    // Each user sends heartbeats at a different moment of the interval, so that leases have all ages when the server stops.
    await pause(1_000 / beating.length);
  }
  await until('all are online', () => beating.every((identity) => watch.users.get(identity)?.isOnline), PATIENCE_MS);
});

for (let round = 1; round <= Number(pauses); round += 1) {
  await step(`pause ${round}: the server is stopped for ${PAUSE_MS / 1_000} s, and users that send heartbeats stay online`, async () => {
    const before = watch.updates;
    server.signal('SIGSTOP');
    await pause(PAUSE_MS);
    server.signal('SIGCONT');
    await pause(TIMEOUT_MS + 500);
    if (watch.updates > before) throw new Error(`${watch.updates - before} transitions; offline are ${offline()}`);
    const faults = hearts.filter((heart) => heart.fault);
    if (faults.length > 0) throw new Error(`${faults.length} clients failed, such as ${faults[0].fault}`);
  });
}

await step('a user that stopped sending heartbeats goes offline after the rest of the lease when the server was stopped', async () => {
  const identity = beating[0];
  const session = { serviceSid, userKey: identity };
  hearts[0].stop();
  await call(client.users, 'heartbeat', { ...session, sessionId: 'last' });
  server.signal('SIGSTOP');
  await pause(PAUSE_MS);
  const wokenAt = performance.now();
  server.signal('SIGCONT');
  await until('the user is offline', () => watch.users.get(identity).isOnline === false, PATIENCE_MS);
  const awake = performance.now() - wokenAt;
  if (awake < LEAST_LEFT_MS || awake > MOST_LEFT_MS) throw new Error(`that was ${awake} ms after the server went on`);
  const { sessions } = await call(client.users, 'listSessions', session);
  if (sessions.length > 0) throw new Error(`a session is left: ${JSON.stringify(sessions)}`);
});

await server.kill();
theEnd();
process.exit(0);
