// A page in Chromium that has the stories, and a server on this machine that serves it.
import { existsSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { chromium } from 'playwright-core';

const executablePath = process.env.CHROMIUM ?? '/usr/bin/chromium';

const ARGUMENTS = [
  '--headless', '--no-sandbox', '--disable-gpu', '--disable-background-networking', '--disable-component-update', '--disable-sync',
  '--disable-quic', '--no-first-run',
];

// Why there is no browser; undefined when there is one.
export const missing = existsSync(executablePath) ? undefined : `${executablePath} is not installed`;

// Serves a page with the stories of the module at the port of the origin, and returns the server.
export async function servePage(module, origin) {
  const script = readFileSync(module);
  const page = `<!doctype html><title>presence</title>
    <script type="module">import * as stories from '/stories.mjs'; window.stories = stories;</script>`;
  const server = createServer((request, response) => {
    const isScript = request.url === '/stories.mjs';
    response.writeHead(200, { 'content-type': isScript ? 'text/javascript' : 'text/html' }).end(isScript ? script : page);
  });
  await new Promise((resolve, reject) => server.once('error', reject).listen(Number(new URL(origin).port), '127.0.0.1', resolve));
  return server;
}

// Starts a browser whose profile is in the folder.
export function startBrowser(folder) {
  // The certificate of a story's server comes from an authority of its own.
  return chromium.launchPersistentContext(`${folder}/profile`, { executablePath, headless: true, args: ARGUMENTS, ignoreHTTPSErrors: true });
}

// Opens the page at the origin and runs the story there. `tell` takes its lines. A parameter may be a function, which the page calls here.
export async function tellInPage(browser, origin, story, parameters, tell) {
  const page = await browser.newPage();
  const functions = Object.entries({ ...parameters, tell }).filter(([, value]) => typeof value === 'function');
  for (const [name, value] of functions) await page.exposeFunction(name, value);
  await page.goto(origin);
  await page.waitForFunction(() => window.stories);
  await page.evaluate(
    async ([story, values, names]) => {
      const given = { ...values, ...Object.fromEntries(names.map((name) => [name, window[name]])) };
      await window.stories[story](given, window.stories.stepsFor(window.tell));
    },
    [story, JSON.parse(JSON.stringify(parameters)), functions.map(([name]) => name)]);
  await page.close();
}
