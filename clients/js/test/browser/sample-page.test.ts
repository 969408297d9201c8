import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import type { Server } from 'node:http';
import { fileURLToPath } from 'node:url';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { serve } from '../support/bundle.js';
import { Chromium } from '../support/chromium.js';
import { PresenceServer, freePort } from '../support/presence-server.js';

const SAMPLE = fileURLToPath(new URL('../../../../samples/page/', import.meta.url));
const read = (path: string) => readFileSync(new URL(`../../../../${path}`, import.meta.url), 'utf8');

let origin: string;
let pages: Server;
let server: PresenceServer;
let browser: Chromium;

beforeAll(async () => {
  execFileSync('npm', ['run', 'build', '--silent', '--prefix', SAMPLE], { stdio: ['ignore', 'ignore', 'inherit'] });
  const port = await freePort();
  origin = `http://127.0.0.1:${port}`;
  [pages, server, browser] = await Promise.all([
    serve(port, { 'index.html': read('samples/page/index.html'), 'built/page.js': read('samples/page/built/page.js') }),
    PresenceServer.start({ settings: ['--allowed-origins', origin] }),
    Chromium.start(),
  ]);
});
afterAll(async () => {
  pages?.close();
  await Promise.all([browser?.close(), server?.close()]);
});

async function open(serviceSid: string, user: string, others: string): Promise<Page> {
  const page = await (await browser.newDevice()).newPage();
  await page.goto(`${origin}/?${new URLSearchParams({ url: server.webUrl, service: serviceSid, user, others })}`);
  await shows(page, user, 'online');
  return page;
}

/** Waits until the page shows the user with this state. */
async function shows(page: Page, identity: string, state: string): Promise<void> {
  await page.locator(`tr[data-identity="${identity}"][data-state="${state}"]`, { hasText: state }).waitFor({ timeout: 20_000 });
}

describe('The sample page', () => {
  it('shows the users of two windows as they come and go', async () => {
    const serviceSid = await server.createService(1, 60);
    const bob = await open(serviceSid, 'bob', 'alice');
    await shows(bob, 'alice', 'unknown');
    const alice = await open(serviceSid, 'alice', 'bob');
    await shows(bob, 'alice', 'online');
    await shows(alice, 'bob', 'online');
    expect(await bob.locator('tr[data-identity="alice"]').innerText()).toBe('alice\tonline\tcreated, reachabilityOnline, online');
    expect(await bob.locator('output').innerText()).toBe('connected');
    await alice.close({ runBeforeUnload: true });
    await shows(bob, 'alice', 'offline');
  });

  it('is the one that the README shows', () => {
    const samples = [...read('README.md').matchAll(/```js\n([^]*?)```/g)].map(([, code]) => code!);
    const shown = samples.filter((code) => code.includes('@grpc-presence/client'));
    const lines = read('samples/page/page.js').split('\n');
    expect(shown.length).toBe(1);
    // In their order, and none that the sample does not have.
    expect(lines.filter((line) => shown[0]!.split('\n').includes(line)).join('\n').trim()).toBe(shown[0]!.trim());
  });
});
