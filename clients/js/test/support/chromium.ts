import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { type Browser, type BrowserContext, chromium } from 'playwright-core';
import { within } from './waiting.js';

const EXECUTABLE = process.env.CHROMIUM ?? '/usr/bin/chromium';

const ARGUMENTS = [
  '--headless', '--no-sandbox', '--disable-gpu', '--disable-background-networking', '--disable-component-update', '--disable-sync',
  '--no-first-run', '--remote-debugging-port=0',
];

/**
 * A browser with a profile of its own. Its `tabs` are hidden and restored like those of a person: Playwright would give the focus to each
 * page, and switch off the cache of pages that are left. A page of another context is as if it ran on another device.
 */
export class Chromium {
  private constructor(
    private readonly child: ChildProcess, private readonly folder: string, private readonly browser: Browser,
  ) {}

  static async start(): Promise<Chromium> {
    if (!existsSync(EXECUTABLE)) throw new Error(`${EXECUTABLE} is not installed; the variable CHROMIUM may name another.`);
    const folder = mkdtempSync(join(tmpdir(), 'presence-chromium-'));
    const child = spawn(EXECUTABLE, [...ARGUMENTS, `--user-data-dir=${folder}`, 'about:blank'], {
      stdio: ['ignore', 'ignore', 'pipe'],
      detached: true, // a group of its own, which ends with it: its helpers would still write into the profile
    });
    const endpoint = await within(30, 'start of Chromium', new Promise<string>((resolve, reject) => {
      child.once('error', reject);
      createInterface({ input: child.stderr! }).on('line', (line) => {
        const [, url] = /DevTools listening on (\S+)/.exec(line) ?? [];
        if (url) resolve(url);
      });
    }));
    return new Chromium(child, folder, await chromium.connectOverCDP(endpoint, { noDefaults: true }));
  }

  /** The tabs of one window. */
  get tabs(): BrowserContext {
    return this.browser.contexts()[0]!;
  }

  async newDevice(): Promise<BrowserContext> {
    return this.browser.newContext();
  }

  async close(): Promise<void> {
    await this.browser.close().catch(() => {}); // only the connection
    const exit = once(this.child, 'exit');
    process.kill(-this.child.pid!, 'SIGKILL');
    await within(10, 'end of Chromium', exit);
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
  }
}
