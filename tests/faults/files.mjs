// With more idle connections than the process may open files, the server goes on: it says how many connections it accepts, answers its
// clients, stores their changes, and accepts new clients.
//   bash tests/faults/run.sh files
import net from 'node:net';
import { call } from '../clients/node/presence.mjs';
import { step, theEnd } from '../clients/node/tap.mjs';
import { handlesOf } from './harness/process.mjs';
import { Server } from './harness/server.mjs';
import { names, newService, readUsers } from './harness/stage.mjs';
import { until } from './harness/waiting.mjs';

const FILES = 400;
const ACCEPTED = 53;
const IDLE = 500;
const PATIENCE_MS = 20_000;

const server = new Server({ command: ['prlimit', `--nofile=${FILES}`] });
const client = await server.start();
const serviceSid = await newService(client);
const create = (users, identity) => call(users, 'createUser', { serviceSid, identity });
const [before, meanwhile, others, after] = [names('before', 5), names('meanwhile', 50), names('others', 50), names('after', 5)];
await Promise.all(before.map((identity) => create(client.users, identity)));
let idle;

await step('the log says how many connections the server accepts', () => {
  if (!server.said.includes(`At most ${ACCEPTED} connections`)) throw new Error(server.said);
});

await step(`with ${IDLE} idle connections, the server answers its client and stores changes`, async () => {
  idle = Array.from({ length: IDLE }, () => net.connect(server.port, '127.0.0.1').on('error', () => {}));
  const begun = new Set();
  for (const socket of idle) {
    for (const event of ['connect', 'close']) socket.on(event, () => begun.add(socket));
  }
  await until('all connections were opened', () => begun.size === IDLE, PATIENCE_MS);
  for (const identity of meanwhile) await create(client.users, identity);
  console.log(`# the process has ${handlesOf(server.pid)} open files`);
});

await step('a new client is served beside them', async () => {
  const another = await server.connect();
  for (const identity of others) await create(another.users, identity);
  await create(client.users, 'still-there');
});

await step('new clients are served when the connections are closed', async () => {
  idle.forEach((socket) => socket.destroy());
  const another = await server.connect();
  await Promise.all(after.map((identity) => create(another.users, identity)));
});

await step('everything is there after a restart', async () => {
  const code = await server.stop();
  if (code !== 0) throw new Error(`the exit code is ${code}`);
  const again = await server.start();
  const expected = [...before, ...meanwhile, ...others, 'still-there', ...after];
  const found = await readUsers(again.users, serviceSid, expected);
  const missing = expected.filter((identity) => !found.has(identity));
  if (missing.length > 0) throw new Error(`missing: ${missing}`);
  await server.stop();
});

theEnd();
process.exit(0);
