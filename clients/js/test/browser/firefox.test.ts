import { existsSync } from 'node:fs';
import type { Server } from 'node:http';
import puppeteer, { type Browser, type Page } from 'puppeteer-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type {} from './page-script.js';
import { bundle, serve } from '../support/bundle.js';
import { PresenceServer, freePort } from '../support/presence-server.js';
import { slowWay } from '../support/slow-way.js';

// Playwright has only a Firefox of its own. This is the one of users.
const EXECUTABLE = process.env.FIREFOX ?? '/usr/bin/firefox-esr';

const INDEX = '<!doctype html><title>presence</title><script type="module" src="page.js"></script>';

let origin: string;
let pages: Server;
let server: PresenceServer;
let browser: Browser;

beforeAll(async () => {
  if (!existsSync(EXECUTABLE)) throw new Error(`${EXECUTABLE} is not installed; the variable FIREFOX may name another.`);
  const port = await freePort();
  origin = `http://127.0.0.1:${port}`;
  const script = await bundle("import './test/browser/page-script.ts';");
  [pages, server, browser] = await Promise.all([
    serve(port, { 'index.html': INDEX, 'page.js': script }),
    PresenceServer.start({ settings: ['--allowed-origins', origin] }),
    puppeteer.launch({ browser: 'firefox', executablePath: EXECUTABLE, headless: true }),
  ]);
});
afterAll(async () => {
  pages?.close();
  await Promise.all([browser?.close(), server?.close()]);
});

/** A page whose client is initialized, as if it ran on another device. */
async function open(serviceSid: string, identity: string, url = server.webUrl): Promise<Page> {
  const page = await (await browser.createBrowserContext()).newPage();
  await page.goto(origin);
  await page.waitForFunction(() => globalThis.connect);
  await page.evaluate((options) => connect(options), { url, serviceSid, identity });
  return page;
}

/** Subscribes the client of the page to a user. */
async function subscribe(page: Page, identity: string): Promise<void> {
  await page.evaluate(async (of) => { users[of] = await client.getUser(of); }, identity);
}

describe('Online, Gone and Resumed in Firefox', () => {
  it('shows two pages each other, and the end of one at once', async () => {
    const serviceSid = await server.createService(1, 60);
    const ada = await open(serviceSid, 'ada');
    // The page is gone before the answer to the preflight of its last call.
    const { url, way } = await slowWay(server.restPort, 300);
    const bob = await open(serviceSid, 'bob', url);
    await subscribe(ada, 'bob');
    await subscribe(bob, 'ada');
    expect([await ada.evaluate(() => users.bob!.isOnline), await bob.evaluate(() => users.ada!.isOnline)]).toEqual([true, true]);
    await bob.goto('about:blank');
    await ada.evaluate(() => waitFor('leave of bob', () => users.bob!.isOnline === false));
    const again = await open(serviceSid, 'bob');
    await ada.evaluate(() => waitFor('return of bob', () => users.bob!.isOnline === true));
    expect(await ada.evaluate(() => updates)).toEqual(Array(2).fill('bob: reachabilityOnline, online'));
    way.close();
    await Promise.all([ada.close(), bob.close(), again.close()]);
  });

  it('continues after SIGKILL and a restart of the server, and nobody goes offline', async () => {
    const serviceSid = await server.createService(1, 60);
    const ada = await open(serviceSid, 'ada');
    const bob = await open(serviceSid, 'bob');
    await subscribe(ada, 'bob');
    await server.end('SIGKILL');
    await ada.evaluate(() => waitFor('end', () => client.connectionState === 'disconnected'));
    await server.restart();
    await ada.evaluate(() => waitFor('connection', () => client.connectionState === 'connected', 40));
    await server.rename(serviceSid, 'bob', 'Bob');
    await ada.evaluate(() => waitFor('change of bob', () => updates.length > 0));
    expect(await ada.evaluate(() => [updates, users.bob!.isOnline])).toEqual([['bob: friendlyName'], true]);
    await Promise.all([ada.close(), bob.close()]);
  });
});
