// Freezes clients: their kernels still acknowledge TCP segments, but they answer no HTTP/2 ping. The server closes their connections, ends
// their watches, and their sessions end only when their leases expire, because a silent client has not signed off.
//   bash tests/faults/run.sh halfopen
import { step, theEnd } from '../clients/node/tap.mjs';
import { FleetWatch, openFleet } from './harness/fleet.mjs';
import { startClient } from './harness/frozen.mjs';
import { connectionsTo } from './harness/process.mjs';
import { Server } from './harness/server.mjs';
import { names, newService } from './harness/stage.mjs';
import { until } from './harness/waiting.mjs';

const PING_SECONDS = 1;
const SESSION_TIMEOUT_SECONDS = 6;
const PATIENCE_MS = 15_000;
const closing = names('closing', 5);
const frozen = names('frozen', 5);

const ping = `0:00:0${PING_SECONDS}`;
const server = new Server({ settings: ['--keep-alive-ping-delay', ping, '--keep-alive-ping-timeout', ping] });
const client = await server.start();
const serviceSid = await newService(client, {
  heartbeatInterval: { seconds: 3 }, sessionTimeout: { seconds: SESSION_TIMEOUT_SECONDS }, offlineDebounce: { seconds: 0 },
});
const { fleet: [watch] } = await openFleet(server.address, {
  connections: 1, watches: 1, make: (session) => new FleetWatch(session, { serviceSid }),
});
let frozenBeatAt;
const isOffline = (identity) => watch.users.get(identity)?.isOnline === false;
const ours = connectionsTo(server.port);

await step('a client that goes away ends the sessions of its streams at once', async () => {
  const { child } = await startClient(server.address, serviceSid, { watches: 10, identities: closing });
  const began = performance.now();
  child.kill('SIGKILL');
  await until('its users are offline', () => closing.every(isOffline), PATIENCE_MS);
  const seconds = (performance.now() - began) / 1_000;
  if (seconds > SESSION_TIMEOUT_SECONDS - 1) throw new Error(`that took ${seconds} s`);
});

await step('the connections of a client that is frozen are closed', async () => {
  await until('the connections of the first client are gone', () => connectionsTo(server.port) === ours, PATIENCE_MS);
  const { child, beatAt } = await startClient(server.address, serviceSid, { watches: 10, identities: frozen });
  frozenBeatAt = beatAt;
  await until('the client has its connections', () => connectionsTo(server.port) - ours >= 2, PATIENCE_MS);
  const theirs = connectionsTo(server.port) - ours;
  child.kill('SIGSTOP');
  await until(`its ${theirs} connections are closed`, () => connectionsTo(server.port) === ours, PATIENCE_MS);
});

await step('its sessions end when their leases run out, and not before', async () => {
  await until('its users are offline', () => frozen.every(isOffline), PATIENCE_MS);
  for (const identity of frozen) {
    const { lastOnlineTime } = watch.users.get(identity);
    const seconds = Number(lastOnlineTime.seconds) + lastOnlineTime.nanos / 1e9 - frozenBeatAt / 1e3;
    if (seconds < SESSION_TIMEOUT_SECONDS) throw new Error(`${identity} went offline ${seconds} s after the last heartbeat`);
  }
});

await server.kill();
theEnd();
process.exit(0);
