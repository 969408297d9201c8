// A page in Chromium that contains the stories, and a loopback server for it.
import { existsSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { chromium } from 'playwright-core';

const executablePath = process.env.CHROMIUM ?? '/usr/bin/chromium';

const ARGUMENTS = [
  '--headless', '--no-sandbox', '--disable-gpu', '--disable-background-networking', '--disable-component-update', '--disable-sync',
  '--disable-quic', '--no-first-run',
];

// Returns why no browser is available, or undefined if one is.
export const missing = existsSync(executablePath) ? undefined : `${executablePath} is not installed`;

// Serves a page with the module's stories at the origin, and returns the server.
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
  // The certificate of the story's server is issued by a private authority.
  const options = { executablePath, headless: true, args: ARGUMENTS, ignoreHTTPSErrors: true };
  return chromium.launchPersistentContext(`${folder}/profile`, options);
}

// Opens the page at the origin and runs the story there. `report` receives its lines. A parameter may be a function, which the page calls
// here.
export async function runInPage(browser, origin, story, parameters, report) {
  const page = await browser.newPage();
  const functions = Object.entries({ ...parameters, report }).filter(([, value]) => typeof value === 'function');
  for (const [name, value] of functions) await page.exposeFunction(name, value);
  await page.goto(origin);
  await page.waitForFunction(() => window.stories);
  await page.evaluate(
    async ([story, values, names]) => {
      const given = { ...values, ...Object.fromEntries(names.map((name) => [name, window[name]])) };
      await window.stories[story](given, window.stories.stepsFor(window.report));
    },
    [story, JSON.parse(JSON.stringify(parameters)), functions.map(([name]) => name)]);
  await page.close();
}
