// node run.mjs node|chromium story|guarded [host:port]
//
// Runs a story over gRPC-Web, in Node or on a page in Chromium. It needs a running server, and leaves only revoked keys behind.
// - story: PRESENCE_REST=host:port is the address of HTTP/1.1, and PRESENCE_PAGE is the origin of the page, which AllowedOrigins must name.
// - guarded: host:port uses TLS. PRESENCE_KEY=SID:SECRET is an administrator's key, and NODE_EXTRA_CA_CERTS the file of the authority.
import { createHmac } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { buildStories } from './build.mjs';
import { missing, runInPage, servePage, startBrowser } from './chromium.mjs';

const [place, name, address = '127.0.0.1:5080'] = process.argv.slice(2);
const origin = process.env.PRESENCE_PAGE ?? 'http://127.0.0.1:5082';
let completed = 0;

function report(line) {
  if (line.startsWith('ok - ')) completed += 1;
  console.log(line);
}

async function runOpen(stories, run) {
  const baseUrl = `http://${process.env.PRESENCE_REST ?? '127.0.0.1:5081'}`;
  await run('runStory', { baseUrl });
  if (place !== 'chromium') return;
  // The same page under another host name has another origin.
  const foreign = { baseUrl, friendlyName: `Foreign ${crypto.randomUUID()}` };
  await run('runForeignStory', foreign, origin.replace('127.0.0.1', 'localhost'));
  await stories.stepsFor(report)('has changed nothing from there', async () => {
    stories.equal(await stories.hasServiceInstance(foreign), false);
  });
}

async function runGuarded(stories, run) {
  const baseUrl = `https://${address}`;
  const { secret, keySid, cleanUp, ...prepared } = await stories.prepare(
    baseUrl, `Basic ${Buffer.from(process.env.PRESENCE_KEY).toString('base64')}`);
  const identity = 'ada@example.com';
  await run('runGuardedStory', { ...prepared, baseUrl, identity, accessToken: mint(keySid, secret, prepared.serviceSid, identity) });
  await cleanUp();
}

// An access token for the end user, signed with the back end's key.
function mint(keySid, secret, serviceSid, identity) {
  const now = Math.floor(Date.now() / 1_000);
  const signed = [
    { alg: 'HS256', typ: 'JWT', cty: 'twilio-fpa;v=1' },
    { iss: keySid, iat: now, exp: now + 3_600, grants: { identity, chat: { service_sid: serviceSid } } },
  ].map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.');
  return `${signed}.${createHmac('sha256', secret).update(signed).digest('base64url')}`;
}

async function main(folder) {
  const module = await buildStories(folder);
  const stories = await import(pathToFileURL(module));
  const story = { story: runOpen, guarded: runGuarded }[name];
  if (place === 'node') {
    await story(stories, (title, parameters) => stories[title](parameters, stories.stepsFor(report)));
    return;
  }
  const server = await servePage(module, origin);
  try {
    const browser = await startBrowser(folder);
    try {
      await story(stories, (title, parameters, from = origin) => runInPage(browser, from, title, parameters, report));
    } finally {
      await browser.close();
    }
  } finally {
    server.close();
  }
}

if (place === 'chromium' && missing) {
  // Without a browser, the story is skipped. In CI that is a failure, because the run would prove nothing.
  console.log(`${process.env.CI ? 'not ok' : 'ok'} - runs its story # SKIP ${missing}`);
  console.log('1..1');
  process.exit(process.env.CI ? 1 : 0);
}
const folder = await mkdtemp(join(tmpdir(), 'presence-web-'));
try {
  await main(folder);
  console.log(`1..${completed}`);
} catch (error) {
  console.error(error);
  process.exitCode = 1;
} finally {
  await rm(folder, { recursive: true, force: true });
}
