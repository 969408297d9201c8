// A page in Chromium watches with an EventSource while the server stops and starts again. An EventSource gives up after any response with
// an error status. An event stream that is not read prolongs the drain, so that the page reconnects to a server that is still stopping.
//   bash tests/faults/run.sh eventsource
import { once } from 'node:events';
import { createServer } from 'node:http';
import net from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { call } from '../clients/node/presence.mjs';
import { step, theEnd } from '../clients/node/tap.mjs';
import { missing, startBrowser } from '../clients/web/chromium.mjs';
import { Server, scratch } from './harness/server.mjs';
import { names, newService } from './harness/stage.mjs';
import { until, within } from './harness/waiting.mjs';

if (missing) {
  console.log(`${process.env.CI ? 'not ok' : 'ok'} - an EventSource survives a restart # SKIP ${missing}`);
  console.log('1..1');
  process.exit(process.env.CI ? 1 : 0);
}

const PATIENCE_MS = 20_000;
// Longer than an EventSource waits before it reconnects, shorter than the server's own limit.
const DRAIN_AT_LEAST_MS = 1_100;
// Long enough to fill the buffers of a connection.
const STALL_MS = 1_500;
// Together more than the buffers of a connection hold.
const LARGE = names('large', 3_000);
const ATTRIBUTES = JSON.stringify({ padding: 'x'.repeat(4_000) });
const AT_ONCE = 100;

async function listen() {
  const page = createServer((_, response) => {
    response.writeHead(200, { 'content-type': 'text/html' }).end('<!doctype html><title>events</title>');
  });
  page.listen(0, '127.0.0.1');
  await once(page, 'listening');
  return page;
}

async function freePort() {
  const server = await listen();
  const { port } = server.address();
  server.close();
  return port;
}

const pageServer = await listen();
const origin = `http://127.0.0.1:${pageServer.address().port}`;
const restPort = await freePort();
const server = new Server({ settings: ['--rest-port', `${restPort}`, '--allowed-origins', origin] });
let client = await server.start();
const serviceSid = await newService(client);
const browser = await startBrowser(scratch);
const page = await browser.newPage();
const path = `/v1/Services/${serviceSid}/Users/Updates`;

const rename = (friendlyName) =>
  call(client.users, 'updateUser', { user: { serviceSid, identity: 'ada', friendlyName }, updateMask: { paths: ['friendly_name'] } });
const seen = () => page.evaluate(() => window.seen);

await step('a page watches with an EventSource', async () => {
  await call(client.users, 'createUser', { serviceSid, identity: 'ada' });
  await page.goto(origin);
  await page.evaluate((url) => {
    window.seen = { names: [], resets: 0, errors: 0 };
    const source = new EventSource(url);
    window.source = source;
    source.addEventListener('reset', () => { window.seen.resets += 1; });
    source.addEventListener('error', () => { window.seen.errors += 1; });
    source.addEventListener('updated', ({ data }) => { window.seen.names.push(JSON.parse(data).user.friendly_name); });
  }, `http://127.0.0.1:${restPort}${path}?Identity=ada`);
  await until('the page has the snapshot', async () => (await seen()).resets === 1, PATIENCE_MS);
  await rename('before');
  await until('the page sees a change', async () => (await seen()).names.includes('before'), PATIENCE_MS);
});

await step('SIGTERM: an event stream that is not read prolongs the drain, and meanwhile the page reconnects', async () => {
  for (let i = 0; i < LARGE.length; i += AT_ONCE) {
    await Promise.all(LARGE.slice(i, i + AT_ONCE).map((identity) =>
      call(client.users, 'createUser', { serviceSid, identity, attributes: ATTRIBUTES })));
  }
  const stalled = net.connect(restPort, '127.0.0.1');
  stalled.on('error', () => {}); // the server ends it
  stalled.write(`GET ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: text/event-stream\r\n\r\n`);
  // Nobody reads what becomes readable, so Node stops to receive.
  await within('the stream is open', once(stalled, 'readable'), PATIENCE_MS);
  await pause(STALL_MS);
  const began = performance.now();
  const code = await within('the server stopped', server.stop(), PATIENCE_MS);
  const took = performance.now() - began;
  stalled.destroy();
  if (code !== 0) throw new Error(`the exit code is ${code}`);
  if (took < DRAIN_AT_LEAST_MS) throw new Error(`the drain only took ${Math.round(took)} ms, so the page had no time to reconnect`);
  console.log(`# the drain took ${Math.round(took)} ms`);
});

await step('after the next start the page reconnects by itself, and sees what changed without a reset', async () => {
  client.users.close();
  client.configuration.close();
  client = await server.start();
  await rename('after');
  await until('the page sees the change', async () => (await seen()).names.includes('after'), PATIENCE_MS);
  const { resets, errors } = await seen();
  if (resets !== 1) throw new Error(`the page saw ${resets} resets`);
  console.log(`# the page reconnected after ${errors} attempts`);
});

await browser.close();
pageServer.close();
await server.kill();
theEnd();
process.exit(0);
