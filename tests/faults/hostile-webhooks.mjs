// Service instances attack others through their webhooks: a back end that never answers edits, twelve that never answer events, one that
// sends interim responses without end, and the URL of another service instance that fails. The server has few file descriptors. The edits
// and events of the honest service instance go on within twice their usual time, and the process lives.
//   bash tests/faults/run.sh hostile-webhooks [EDITS [TENANTS [FILES]]]
import net from 'node:net';
import { call } from '../clients/node/presence.mjs';
import { step, theEnd } from '../clients/node/tap.mjs';
import { HonestTenant, connectRest, edit, listen, setWebhook } from './harness/honest-tenant.mjs';
import { handlesOf } from './harness/process.mjs';
import { Server } from './harness/server.mjs';
import { newService } from './harness/stage.mjs';
import { until } from './harness/waiting.mjs';

const PATIENCE_MS = 30_000;
const AT_ONCE = 200;
const [edits = 3000, tenants = 12, files = 400] = process.argv.slice(2).map(Number);
const mostSockets = Math.min(512, (files - 256) / 4); // what webhooks may take of the file descriptors

const server = new Server({ settings: ['--allow-private-webhooks'], command: ['prlimit', `--nofile=${files}`] });
const client = await server.start();

// Accepts connections, and treats each request with the present behaviour.
let behave = () => {};
const open = new Set();
const trap = net.createServer((socket) => {
  open.add(socket);
  socket.on('error', () => {}).on('close', () => open.delete(socket)).once('data', () => behave(socket));
});
const trapUrl = `http://127.0.0.1:${await listen(trap)}/`;

const honest = await HonestTenant.start(client, server.address);
const hostile = await newService(client);
await call(client.users, 'createUser', { serviceSid: hostile, identity: 'ada' });

await step(`${edits} edits whose back end never answers`, async () => {
  await setWebhook(client, hostile, { preWebhookUrl: trapUrl });
  const attack = attackWithEdits(edits);
  await until('the attack occupies connections', () => open.size > 0, PATIENCE_MS);
  await honest.expectUsual('edits that wait');
  const seen = await attack;
  console.log(`# ${JSON.stringify(seen.statuses)}, at most ${seen.sockets} sockets and ${seen.files} files`);
  if (seen.sockets > mostSockets) throw new Error(`${seen.sockets} sockets were open`);
  const known = ['200', '429', '503'];
  if (Object.keys(seen.statuses).some((status) => !known.includes(status))) throw new Error('there was another status');
});

await step('edits whose back end sends interim responses without end', async () => {
  behave = (socket) => flood(socket, 'HTTP/1.1 100 Continue\r\n\r\n'.repeat(1000));
  const attack = attackWithEdits(AT_ONCE);
  await honest.expectUsual('interim responses');
  await attack;
  behave = () => {};
});

await step('a service instance sets the URL of another and makes it fail', async () => {
  await setWebhook(client, hostile, { preWebhookUrl: '', postWebhookUrl: honest.url });
  let users = 0;
  let attacks = true;
  const attack = (async () => {
    while (attacks) await call(client.users, 'createUser', { serviceSid: hostile, identity: `user-${users++}` });
  })();
  await until('some events failed', () => users > 50, PATIENCE_MS);
  await honest.expectUsual('failures at the same URL');
  attacks = false;
  await attack;
});

await step(`${tenants} service instances whose back ends never answer events`, async () => {
  for (let i = 0; i < tenants; i += 1) {
    const serviceSid = await newService(client);
    await setWebhook(client, serviceSid, { postWebhookUrl: trapUrl });
    for (let k = 0; k < 10; k += 1) await call(client.users, 'createUser', { serviceSid, identity: `user-${k}` });
  }
  await until('the back ends hold more connections than one each', () => open.size > tenants, PATIENCE_MS);
  await honest.expectUsual('events that wait');
  console.log(`# ${open.size} sockets of hostile service instances, ${handlesOf(server.pid)} files`);
  if (open.size > mostSockets) throw new Error(`${open.size} sockets were open`);
});

await step('the process lives', async () => {
  await call(client.users, 'createUser', { serviceSid: honest.serviceSid, identity: 'last' });
  if (await server.stop() !== 0) throw new Error('the server did not end cleanly');
});
theEnd();
process.exit(0);

// Makes edits of the hostile service instance over two connections. Returns the number of each status, and the most sockets of its back
// end and files of the server that were open.
async function attackWithEdits(count) {
  const connections = [await connectRest(server.address), await connectRest(server.address)];
  const seen = { statuses: {}, sockets: 0, files: 0 };
  let left = count;
  await Promise.all(Array.from({ length: AT_ONCE }, async (_, worker) => {
    while (left > 0) {
      left -= 1;
      const status = await edit(connections[worker % 2], hostile, `attack-${left}`);
      seen.statuses[status] = (seen.statuses[status] ?? 0) + 1;
      seen.sockets = Math.max(seen.sockets, open.size);
      seen.files = Math.max(seen.files, handlesOf(server.pid));
    }
  }));
  connections.forEach((connection) => connection.close());
  return seen;
}

// Sends the text again and again as fast as the server reads it.
function flood(socket, endless) {
  while (!socket.destroyed && socket.write(endless)) {
    // The buffer has room.
  }
  if (!socket.destroyed) socket.once('drain', () => flood(socket, endless));
}
