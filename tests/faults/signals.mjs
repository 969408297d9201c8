// Signals stop the server cleanly: SIGTERM at random moments of a start, and SIGHUP, which a closing terminal sends, like SIGTERM.
//   bash tests/faults/run.sh signals [STARTS]
import { setTimeout as pause } from 'node:timers/promises';
import { step, theEnd } from '../clients/node/tap.mjs';
import { FleetWatch } from './harness/fleet.mjs';
import { openConnection } from './harness/http2.mjs';
import { Server } from './harness/server.mjs';
import { newService } from './harness/stage.mjs';
import { within } from './harness/waiting.mjs';

const [starts = '12'] = process.argv.slice(2);
const STARTS = Number(starts);
// A start takes about half a second on an idle machine.
const START_MS = 1_200;
const END_WITHIN_MS = 8_000;

// The runtime itself exits with this code when the signal arrives before the program began.
const TERMINATED = 128 + 15;

await step(`SIGTERM at ${STARTS} random moments of a start ends it cleanly, and without a trace in the log`, async () => {
  for (let i = 0; i < STARTS; i += 1) {
    const server = new Server().spawn();
    const delay = Math.round(Math.random() * START_MS);
    await pause(delay);
    server.signal('SIGTERM');
    const code = await within(`the start that was stopped after ${delay} ms ended`, server.ended, END_WITHIN_MS);
    if (code !== 0 && code !== TERMINATED && code !== 'SIGTERM') throw new Error(`after ${delay} ms it ended with ${code}: ${server.said}`);
    if (/exception|error|fail/i.test(server.said)) throw new Error(`after ${delay} ms it said: ${server.said}`);
  }
});

await step('SIGHUP drains: a watch ends with its reason and its token, and the process exits with 0', async () => {
  const server = new Server();
  const client = await server.start();
  const serviceSid = await newService(client);
  const watch = new FleetWatch(await openConnection(server.address), { serviceSid });
  await within('the watch is open', watch.stream.opened, END_WITHIN_MS);
  server.signal('SIGHUP');
  const end = await within('the watch ended', watch.stream.ended, END_WITHIN_MS);
  if (end.reason !== 'SERVER_STOPPING') throw new Error(`the watch ended with ${JSON.stringify(end)}`);
  const code = await within('the process exited', server.ended, END_WITHIN_MS);
  if (code !== 0) throw new Error(`the exit code is ${code}: ${server.said}`);
});
theEnd();
process.exit(0);
