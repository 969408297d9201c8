import { readFileSync } from 'node:fs';
import type { Server } from 'node:http';
import type { BrowserContext, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type {} from './page-script.js';
import { bundle, serve } from '../support/bundle.js';
import { Chromium } from '../support/chromium.js';
import { PresenceServer, freePort } from '../support/presence-server.js';
import { slowWay } from '../support/slow-way.js';

const INDEX = '<!doctype html><title>presence</title><script type="module" src="page.js"></script>';
const SAMPLE = readFileSync(new URL('../support/conversations-sample.js', import.meta.url), 'utf8');

let origin: string;
let pages: Server;
let server: PresenceServer;
let browser: Chromium;

beforeAll(async () => {
  const port = await freePort();
  origin = `http://127.0.0.1:${port}`;
  const script = await bundle("import './test/browser/page-script.ts';");
  [pages, server, browser] = await Promise.all([
    serve(port, { 'index.html': INDEX, 'page.js': script, 'sample.js': SAMPLE }),
    PresenceServer.start({ settings: ['--allowed-origins', origin] }),
    Chromium.start(),
  ]);
});
afterAll(async () => {
  pages?.close();
  await Promise.all([browser?.close(), server?.close()]);
});

/** A page whose client is initialized. */
async function open(context: BrowserContext, serviceSid: string, identity: string, url = server.webUrl): Promise<Page> {
  const page = await context.newPage();
  await page.goto(origin);
  await page.waitForFunction(() => globalThis.connect);
  await page.evaluate((options) => connect(options), { url, serviceSid, identity });
  return page;
}

/** Subscribes the client of the page to users. */
async function subscribe(page: Page, ...identities: string[]): Promise<void> {
  await page.evaluate(async (all) => { for (const identity of all) users[identity] = await client.getUser(identity); }, identities);
}

const updatesOf = (page: Page) => page.evaluate(() => updates.splice(0));

describe('Online and Gone in Chromium', () => {
  it('shows two pages each other, and the end of one at once', async () => {
    const serviceSid = await server.createService(1, 60);
    const device = await browser.newDevice();
    const ada = await open(await browser.newDevice(), serviceSid, 'ada');
    // The page is gone before the answer to the preflight of its last call.
    const { url, way } = await slowWay(server.restPort, 300);
    let bob = await open(device, serviceSid, 'bob', url);
    await subscribe(ada, 'bob');
    await subscribe(bob, 'ada');
    expect([await ada.evaluate(() => users.bob!.isOnline), await bob.evaluate(() => users.ada!.isOnline)]).toEqual([true, true]);
    await bob.close({ runBeforeUnload: true });
    await ada.evaluate(() => waitFor('leave of bob', () => users.bob!.isOnline === false));
    bob = await open(device, serviceSid, 'bob');
    await ada.evaluate(() => waitFor('return of bob', () => users.bob!.isOnline === true));
    expect(await updatesOf(ada)).toEqual(Array(2).fill('bob: reachabilityOnline, online'));
    way.close();
    await Promise.all([ada.close(), bob.close()]);
  });

  it('ends its session if the page is left before the server has answered to shutdown', async () => {
    const serviceSid = await server.createService(1, 60);
    const ada = await open(await browser.newDevice(), serviceSid, 'ada');
    const { url, way } = await slowWay(server.restPort, 300);
    const bob = await open(await browser.newDevice(), serviceSid, 'bob', url);
    await subscribe(ada, 'bob');
    await bob.evaluate(() => {
      void client.shutdown();
      location.replace('about:blank');
    });
    await ada.evaluate(() => waitFor('leave of bob', () => users.bob!.isOnline === false));
    way.close();
    await Promise.all([ada.close(), bob.close()]);
  });

  it('leaves at pagehide, and comes back when the browser restores the page', async () => {
    const serviceSid = await server.createService(1, 60);
    const ada = await open(await browser.newDevice(), serviceSid, 'ada');
    const bob = await open(browser.tabs, serviceSid, 'bob');
    await subscribe(ada, 'bob');
    await bob.evaluate(() => { Object.assign(globalThis, { isTheSamePage: true }); });
    await bob.goto('about:blank');
    await ada.evaluate(() => waitFor('leave of bob', () => users.bob!.isOnline === false));
    await bob.goBack({ waitUntil: 'commit' }); // the page does not load again
    await ada.evaluate(() => waitFor('return of bob', () => users.bob!.isOnline === true));
    await bob.evaluate(() => waitFor('connection', () => client.connectionState === 'connected'));
    expect(await bob.evaluate(() => 'isTheSamePage' in globalThis)).toBe(true);
    await Promise.all([ada.close(), bob.close()]);
  });
});

describe('Compatible in Chromium', () => {
  it('runs the sample of the Conversations SDK as it stands', async () => {
    const serviceSid = await server.createService(1, 60);
    const page = await open(await browser.newDevice(), serviceSid, 'ada');
    const failures: Error[] = [];
    page.on('pageerror', (error) => failures.push(error));
    await page.evaluate(() => { Object.assign(globalThis, { conversationsClient: client }); });
    await page.addScriptTag({ url: 'sample.js' });
    await page.evaluate(() => (globalThis as unknown as { registerEventHandlers(): void }).registerEventHandlers());
    await server.endSessions(serviceSid, 'ada');
    await page.evaluate(() => waitFor('return', () => updates.length === 2));
    expect(failures).toEqual([]);
    await page.close();
  });
});

// All mostly wait.
describe.concurrent('Resumed and Hidden in Chromium', () => {
  it('goes offline with a network that is cut for 20 s, comes back, and knows what it missed', async ({ expect }) => {
    const serviceSid = await server.createService(1, 5);
    const device = await browser.newDevice();
    const ada = await open(await browser.newDevice(), serviceSid, 'ada');
    const bob = await open(device, serviceSid, 'bob');
    await server.users.createUser({ serviceSid, identity: 'eve' });
    await subscribe(ada, 'bob');
    await subscribe(bob, 'eve');
    await device.setOffline(true);
    const back = new Promise((resolve) => { setTimeout(resolve, 20_000); });
    await ada.evaluate(() => waitFor('leave of bob', () => users.bob!.isOnline === false));
    await server.rename(serviceSid, 'eve', 'Eve');
    await back;
    expect(await bob.evaluate(() => [client.connectionState !== 'connected', users.eve!.friendlyName])).toEqual([true, '']);
    await device.setOffline(false);
    await ada.evaluate(() => waitFor('return of bob', () => users.bob!.isOnline === true));
    await bob.evaluate(() => waitFor('change of eve', () => users.eve!.friendlyName === 'Eve'));
    await bob.evaluate(() => waitFor('connection', () => client.connectionState === 'connected'));
    expect((await updatesOf(bob)).filter((update) => update.startsWith('eve'))).toEqual(['eve: friendlyName']);
    await Promise.all([ada.close(), bob.close()]);
  });

  it('goes offline while the browser freezes its hidden tab, and comes back at once when the tab runs again', async ({ expect }) => {
    const serviceSid = await server.createService(1, 5);
    const ada = await open(await browser.newDevice(), serviceSid, 'ada');
    const bob = await open(browser.tabs, serviceSid, 'bob');
    await subscribe(ada, 'bob');
    const other = await browser.tabs.newPage(); // only a hidden tab is frozen
    const control = await browser.tabs.newCDPSession(bob);
    await control.send('Page.setWebLifecycleState', { state: 'frozen' });
    await ada.evaluate(() => waitFor('leave of bob', () => users.bob!.isOnline === false));
    await control.send('Page.setWebLifecycleState', { state: 'active' });
    await ada.evaluate(() => waitFor('return of bob', () => users.bob!.isOnline === true, 3));
    await bob.evaluate(() => waitFor('connection', () => client.connectionState === 'connected'));
    expect(await updatesOf(ada)).toEqual(Array(2).fill('bob: reachabilityOnline, online'));
    await Promise.all([ada.close(), bob.close(), other.close()]);
  });

  it('stays online with fewer beats while its tab is hidden, and beats when it is shown', async ({ expect }) => {
    const serviceSid = await server.createService(1, 5);
    const ada = await open(await browser.newDevice(), serviceSid, 'ada');
    const bob = await open(browser.tabs, serviceSid, 'bob');
    let beats = 0;
    bob.on('request', (request) => { if (request.method() === 'POST' && request.url().endsWith('/Heartbeat')) beats++; });
    await subscribe(ada, 'bob');
    const other = await browser.tabs.newPage();
    expect(await bob.evaluate(() => document.visibilityState)).toBe('hidden');
    beats = 0;
    await new Promise((resolve) => { setTimeout(resolve, 12_000); });
    expect(beats).toBeGreaterThanOrEqual(2);
    expect(beats).toBeLessThanOrEqual(4);
    await other.close();
    await bob.bringToFront();
    expect(await bob.evaluate(() => document.visibilityState)).toBe('visible');
    await bob.waitForRequest(/\/Heartbeat$/, { timeout: 2_500 });
    expect(await updatesOf(ada)).toEqual([]);
    await Promise.all([ada.close(), bob.close()]);
  });
});

describe('Resumed in Chromium', () => {
  it.each(['SIGTERM', 'SIGKILL'] as const)('continues after %s and a restart of the server, and nobody goes offline', async (signal) => {
    const serviceSid = await server.createService(1, 60);
    const ada = await open(await browser.newDevice(), serviceSid, 'ada');
    const bob = await open(await browser.newDevice(), serviceSid, 'bob');
    await subscribe(ada, 'bob');
    await server.end(signal);
    await ada.evaluate(() => waitFor('end', () => client.connectionState === 'disconnected'));
    await server.restart();
    await ada.evaluate(() => waitFor('connection', () => client.connectionState === 'connected', 40));
    await server.rename(serviceSid, 'bob', signal);
    await ada.evaluate(() => waitFor('change of bob', () => updates.length > 0));
    expect([await updatesOf(ada), await ada.evaluate(() => users.bob!.isOnline)]).toEqual([['bob: friendlyName'], true]);
    await Promise.all([ada.close(), bob.close()]);
  });
});
