// A service instance sets webhooks whose host names never resolve, because their name server does not answer, and changes them again and
// again. The edits and events of an honest service instance, whose back end has a name too, go on within twice their usual time. The
// scenario needs root, for a name server of its own.
//   bash tests/faults/run.sh hostile-names [NAMES]
import { writeFileSync } from 'node:fs';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { join } from 'node:path';
import { call } from '../clients/node/presence.mjs';
import { step, theEnd } from '../clients/node/tap.mjs';
import { HonestTenant, connectRest, edit, setWebhook } from './harness/honest-tenant.mjs';
import { threadsOf } from './harness/process.mjs';
import { Server, scratch } from './harness/server.mjs';
import { newService } from './harness/stage.mjs';
import { until } from './harness/waiting.mjs';

const NAME_SERVER = '127.0.0.53';
const EDITS_AT_ONCE = 50;
const ATTACK_PACE_MS = 200;
const [names = 30] = process.argv.slice(2).map(Number);

if (process.getuid() !== 0) {
  console.log(`${process.env.CI ? 'not ok' : 'ok'} - names that never resolve # SKIP needs root\n1..1`);
  process.exit(process.env.CI ? 1 : 0);
}
const asked = new Set();
await startNameServer();
const resolvConf = join(scratch, 'resolv.conf');
writeFileSync(resolvConf, `nameserver ${NAME_SERVER}\n`);
const mount = `mount --bind ${resolvConf} /etc/resolv.conf && exec "$@"`;
const server = new Server({ settings: ['--allow-private-webhooks'], command: ['unshare', '--mount', 'bash', '-c', mount, 'bash'] });
const client = await server.start();
const honest = await HonestTenant.start(client, server.address, { host: 'honest.test', keepsConnections: false });
const hostile = await newService(client);
await call(client.users, 'createUser', { serviceSid: hostile, identity: 'ada' });

await step(`${names} names that never resolve`, async () => {
  const threads = threadsOf(server.pid);
  const statuses = {};
  const waiting = [];
  for (let i = 0; i < names; i += 1) {
    await setWebhook(client, hostile, { preWebhookUrl: `http://hang-${i}.test/`, postWebhookUrl: `http://hang-events-${i}.test/` });
    const rest = await connectRest(server.address); // one connection carries a hundred calls at a time
    for (let k = 0; k < EDITS_AT_ONCE; k += 1) {
      waiting.push(edit(rest, hostile, `attack-${i}-${k}`).then((status) => { statuses[status] = (statuses[status] ?? 0) + 1; }));
    }
    const rejected = statuses[429] ?? 0;
    const isSettled = () => asked.has(`hang-${i}.test`) || (statuses[429] ?? 0) > rejected;
    await until('the name is looked up, or edits are rejected', isSettled, ATTACK_PACE_MS).catch(() => {}); // then all lookups hang
  }
  await honest.expectUsual('names that never resolve');
  const more = threadsOf(server.pid) - threads;
  await Promise.all(waiting);
  console.log(`# ${JSON.stringify(statuses)}, ${asked.size} names looked up, ${more} more threads`);
  const known = ['200', '429'];
  if (Object.keys(statuses).some((status) => !known.includes(status))) throw new Error('there was another status');
});
await server.kill();
theEnd();
process.exit(0);

// Resolves `honest.test` to this machine, with a lifetime of 0, and answers for no other name.
async function startNameServer() {
  const socket = createSocket('udp4');
  socket.on('message', (query, peer) => {
    const name = nameOf(query);
    asked.add(name);
    if (name !== 'honest.test') return;
    const question = query.subarray(12, query.indexOf(0, 12) + 5);
    const isAddress = question.readUInt16BE(question.length - 4) === 1; // otherwise IPv6, of which there is none
    const header = Buffer.from(query.subarray(0, 12));
    header.writeUInt16BE(0x8180, 2);
    header.writeUInt16BE(isAddress ? 1 : 0, 6);
    header.writeUInt32BE(0, 8);
    const answer = isAddress ? Buffer.from([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4, 127, 0, 0, 1]) : Buffer.alloc(0);
    socket.send(Buffer.concat([header, question, answer]), peer.port, peer.address);
  });
  socket.bind(53, NAME_SERVER);
  await once(socket, 'listening');
}

function nameOf(query) {
  const labels = [];
  for (let at = 12; query[at] > 0; at += query[at] + 1) labels.push(query.toString('latin1', at + 1, at + 1 + query[at]));
  return labels.join('.');
}
