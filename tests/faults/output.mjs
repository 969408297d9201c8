// Standard output and standard error are not read, full, or closed. The service does not depend on them: it starts, answers and stops in
// time. Entries that could not be written are counted.
//   bash tests/faults/run.sh output
import { spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { call } from '../clients/node/presence.mjs';
import { step, theEnd } from '../clients/node/tap.mjs';
import { Server, program } from './harness/server.mjs';
import { newService } from './harness/stage.mjs';
import { within } from './harness/waiting.mjs';

// Each call is an entry of the log at this level. These are more than the pipe and the queue of the server hold.
const EVERY_CALL = { Logging__LogLevel__Grpc: 'Debug' };
const CALLS = 12_000;
const AT_ONCE = 50;
const ANSWER_WITHIN_MS = 60_000;
const STOP_WITHIN_MS = 6_000;

async function beatOften(client, serviceSid) {
  let left = CALLS;
  await Promise.all(Array.from({ length: AT_ONCE }, async () => {
    while (left > 0) {
      left -= 1;
      await call(client.users, 'heartbeat', { serviceSid, userKey: `user-${left % 20}`, sessionId: '0123456789abcdef' });
    }
  }));
}

async function dropped(server) {
  const { port } = server;
  const asked = ['-sS', '--http2-prior-knowledge', `http://127.0.0.1:${port}/metrics`];
  const child = spawn('curl', asked, { stdio: ['ignore', 'pipe', 'inherit'] });
  let text = '';
  for await (const bytes of child.stdout) text += bytes;
  return Number(/^presence_log_dropped_entries_total\{[^}]*\} (\d+)/m.exec(text)?.[1] ?? NaN);
}

async function expectStop(server) {
  const code = await within('the server stopped', server.stop(), STOP_WITHIN_MS);
  if (code !== 0) throw new Error(`the exit code is ${code}`);
}

for (const { what, output } of [
  { what: 'not read', output: () => ['pipe', 'pipe'] },
  { what: 'full', output: () => [openSync('/dev/full', 'w'), openSync('/dev/full', 'w')] },
]) {
  await step(`output that is ${what} neither delays an answer nor the stop, and the metric counts what is lost`, async () => {
    const server = new Server({ output: output(), env: EVERY_CALL });
    const client = await server.start();
    const serviceSid = await newService(client);
    await within('the calls are answered', beatOften(client, serviceSid), ANSWER_WITHIN_MS);
    const lost = await dropped(server);
    if (!(lost > 0)) throw new Error(`the metric says that ${lost} entries were dropped`);
    console.log(`# ${lost} of more than ${CALLS} entries were dropped`);
    await expectStop(server);
    for (const descriptor of server.output.filter(Number.isInteger)) closeSync(descriptor);
  });
}

await step('the server starts, serves and stops with both closed', async () => {
  const server = new Server({ env: EVERY_CALL });
  // Node always opens both, so a shell closes them.
  const closing = ['-c', 'exec dotnet "$@" >&- 2>&-', 'sh', program, ...server.arguments.slice(1)];
  const child = spawn('sh', closing, { stdio: 'ignore', env: server.env });
  const ended = new Promise((resolve) => { child.on('exit', (code, signal) => resolve(code ?? signal)); });
  process.on('exit', () => child.kill('SIGKILL'));
  server.ended = ended;
  if (!await server.listens()) throw new Error(`it ended with ${await ended}`);
  const client = await server.connect();
  await call(client.users, 'heartbeat', { serviceSid: await newService(client), userKey: 'ada', sessionId: '0123456789abcdef' });
  child.kill('SIGTERM');
  const code = await within('the server stopped', ended, STOP_WITHIN_MS);
  if (code !== 0) throw new Error(`the exit code is ${code}`);
});
theEnd();
process.exit(0);
