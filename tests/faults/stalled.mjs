// The server ends watches whose clients do not read waiting data, and keeps nothing of them. It does not end a watch without waiting data.
//   bash tests/faults/run.sh stalled
import { call } from '../clients/node/presence.mjs';
import { step, theEnd } from '../clients/node/tap.mjs';
import { FleetWatch, openFleet } from './harness/fleet.mjs';
import { openConnection } from './harness/http2.mjs';
import { littleMemory, mebibytes, memoryOf } from './harness/process.mjs';
import { Server } from './harness/server.mjs';
import { names, newService, readUsers } from './harness/stage.mjs';
import { within } from './harness/waiting.mjs';

const STALL_SECONDS = 1;
// The limit, the grace period of a pending write, and a margin for a loaded machine.
const ENDED_WITHIN_MS = 15_000;
const UNAVAILABLE = 14;
const STALLED = 100;
const WINDOW = 16 * 1024;
// The data of all watches together exceeds the server's memory.
const ROUNDS = 4;

const users = names('user', 60);
const server = new Server({ env: littleMemory, settings: ['--watch-stall-timeout', `0:00:0${STALL_SECONDS}`] });
const client = await server.start();
const serviceSid = await newService(client);
const attributes = JSON.stringify({ padding: 'x'.repeat(4_000) });
await Promise.all(users.map((identity) => call(client.users, 'createUser', { serviceSid, identity, attributes })));
const { fleet: [idle] } = await openFleet(server.address, {
  connections: 1, watches: 1, make: (session) => new FleetWatch(session, { serviceSid }),
});
let last;

for (let round = 1; round <= ROUNDS; round += 1) {
  await step(`round ${round}: ${STALLED} unread watches are ended`, async () => {
    const session = await openConnection(server.address, { window: WINDOW });
    const began = performance.now();
    const stalled = Array.from({ length: STALLED }, () => new FleetWatch(session, { serviceSid }, { reads: false }));
    const ends = await within('all are ended', Promise.all(stalled.map((watch) => watch.stream.ended)), ENDED_WITHIN_MS);
    const took = performance.now() - began;
    if (took < STALL_SECONDS * 1_000) throw new Error(`they were ended after ${took} ms`);
    const wrong = ends.find((end) => end.code !== UNAVAILABLE);
    if (wrong) throw new Error(`one ended with ${JSON.stringify(wrong)}`);
    console.log(`# after ${Math.round(took)} ms; the server has ${mebibytes(memoryOf(server.pid))}`);
    session.destroy();
    last = stalled[0];
  });
}

await step('a watch for which there was nothing went on', async () => {
  if (idle.end) throw new Error(`it ended with ${JSON.stringify(idle.end)}`);
  const user = { serviceSid, identity: users[0], friendlyName: 'changed' };
  await call(client.users, 'updateUser', { user, updateMask: { paths: ['friendly_name'] } });
  const { fleet: [resumed] } = await openFleet(server.address, {
    connections: 1, watches: 1, make: (session) => new FleetWatch(session, { serviceSid }, { from: idle }),
  });
  if (resumed.resets > 0 || resumed.users.get(users[0]).friendlyName !== 'changed') throw new Error('it did not resume');
});

await step('a client that was ended watches again, and knows everything', async () => {
  const { fleet: [again] } = await openFleet(server.address, {
    connections: 1, watches: 1, make: (session) => new FleetWatch(session, { serviceSid }, { from: last }),
  });
  const found = await readUsers(client.users, serviceSid, users);
  const wrong = users.filter((user) => again.users.get(user)?.revision !== found.get(user).revision);
  if (wrong.length > 0) throw new Error(`it is wrong about ${wrong.length} users`);
});

await server.kill();
theEnd();
process.exit(0);
