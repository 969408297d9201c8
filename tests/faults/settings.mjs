// Starts the program once for every setting and every kind of wrong value: text, numbers without units, values out of range, files of every
// kind, addresses of every family, and the wrong kinds of JSON in the settings file. Each start either serves, or ends with exit code 2 or
// 3 and one line that names the setting or its value. None ends with a stack trace.
//   bash tests/faults/run.sh settings [SETTING]
import { execFileSync, spawn } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { basename, dirname, join } from 'node:path';
import { step, theEnd } from '../clients/node/tap.mjs';
import { program, scratch } from './harness/server.mjs';
import { within } from './harness/waiting.mjs';

const PATIENCE_MS = 20_000;
const AT_ONCE = 2;
const REJECTED = [2, 3];

const [only] = process.argv.slice(2);
const places = mkdtempSync(join(scratch, 'settings-'));
const at = (name) => join(places, name);
writeFileSync(at('empty'), '');
writeFileSync(at('text'), 'somebody\'s text\n');
symlinkSync(at('nothing'), at('dangling'));
mkdirSync(at('folder'));
execFileSync('mkfifo', [at('fifo')]);
const live = net.createServer().listen(at('live.sock'));

const texts = [
  '', ' ', 'bogus', '-1', '0', '1', '30', '2592000', '1e9', '99999999999999999999', 'true', 'null', '{}', '[]', '00:00:00', '-00:00:01',
  '1.00:00', '9999.00:00:00', '::ffff:127.0.0.1', '::', '0.0.0.0', '127.1', '224.0.0.1', 'host.example', 'https://bücher.example',
  'http://a.example/path', '10.0.0.0/33', at('empty'), at('text'), at('nothing'), at('dangling'), at('folder'),
  at('fifo'), at('live.sock'), at('no/such/folder'),
  `${at('long')}${'x'.repeat(200)}`, 'line\nbreak', 'nul\u0001control', 'ü'.repeat(300),
];
const kinds = ['null', '{}', '[]', '[1]', '["a",["b"]]', '{"a":"b"}', '1.5', '-1', 'true', '"\\u0000"'];

const page = execFileSync('dotnet', [program, 'settings'], { encoding: 'utf8' });
const settings = [...page.matchAll(/^\| `(\w+)` \|.*`PRESENCE__(\w+)`\s*\|$/gm)].map(([, name, variable]) => ({ name, variable }));
const others = [
  'Logging__LogLevel__Default', 'OTEL_EXPORTER_OTLP_ENDPOINT', 'OTEL_EXPORTER_OTLP_HEADERS', 'OTEL_EXPORTER_OTLP_PROTOCOL',
  'OTEL_EXPORTER_OTLP_TIMEOUT', 'OTEL_SERVICE_NAME', 'OTEL_RESOURCE_ATTRIBUTES', 'OTEL_METRIC_EXPORT_INTERVAL',
].map((variable) => ({ name: variable, variable }));

// The settings file is beside the program, so each of the starts at a time has a copy of the program.
const copies = Array.from({ length: AT_ONCE }, (_, i) => {
  cpSync(dirname(program), at(`program-${i}`), { recursive: true });
  return at(`program-${i}`);
});
let starts = 0;
async function outcomeOf(copy, env, file) {
  starts += 1;
  const folder = mkdtempSync(join(places, 'start-'));
  const settingsFile = join(copy, 'appsettings.json');
  rmSync(settingsFile, { force: true });
  if (file !== undefined) writeFileSync(settingsFile, file);
  const child = spawn('dotnet', [join(copy, basename(program))], {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      PATH: process.env.PATH, HOME: folder, PRESENCE__PORT: '0', PRESENCE__RESTPORT: '0', PRESENCE__DATABASE: join(folder, 'p.db'),
      ...env,
    },
  });
  let [said, complained] = ['', ''];
  const ended = new Promise((resolve) => { child.on('close', resolve); });
  child.stderr.on('data', (bytes) => { complained += bytes; });
  const serving = new Promise((resolve) => {
    child.stdout.on('data', (bytes) => {
      said += bytes;
      if (said.includes('Listening on')) resolve('serves');
    });
  });
  const first = await within(`the start with ${JSON.stringify(env)} ${file ?? ''} is decided`, Promise.race([serving, ended]), PATIENCE_MS);
  if (first === 'serves') child.kill('SIGTERM');
  const code = await within('the program ended', ended, PATIENCE_MS);
  return { serves: first === 'serves', code, said, complained };
}

function check(what, { serves, code, said, complained }) {
  const lines = complained.trim().split('\n').filter((line) => line.length > 0);
  const all = said + complained;
  if (/\n\s+at |Unhandled exception|Unexpected error/.test(all)) throw new Error(`${what}: a stack trace: ${all.slice(-2_000)}`);
  if (serves) {
    if (code !== 0) throw new Error(`${what}: it served and ended with ${code}: ${all.slice(-1_000)}`);
    return;
  }
  if (!REJECTED.includes(code)) throw new Error(`${what}: exit code ${code}: ${all.slice(-1_000)}`);
  // A list can have several wrong values, and each has its line.
  const most = what.includes('[') ? 2 : 1;
  if (lines.length < 1 || lines.length > most) throw new Error(`${what}: ${lines.length} lines: ${complained}`);
}

async function checkAll(starting) {
  const left = [...starting];
  await Promise.all(copies.map(async (copy) => {
    for (let next = left.pop(); next; next = left.pop()) check(next.what, await outcomeOf(copy, next.env, next.file));
  }));
}

for (const { name, variable } of [...settings.map(({ name, variable: v }) => ({ name, variable: `PRESENCE__${v}` })), ...others]) {
  if (only && only !== name) continue;
  await step(`${name}: every wrong value is one line, or no fault`, async () => {
    await checkAll(texts.map((text) => ({ what: `${variable}=${JSON.stringify(text)}`, env: { [variable]: text } })));
  });
}

for (const { name } of settings) {
  if (only && only !== name) continue;
  await step(`${name}: every wrong kind of JSON is one line, or no fault`, async () => {
    await checkAll(kinds.map((json) => ({ what: `${name}: ${json} in the file`, env: {}, file: `{"Presence":{"${name}":${json}}}` })));
  });
}

if (!only) {
  await step('a settings file that is not one is one line', async () => {
    const deep = `{"Presence":${'{"a":'.repeat(80)}1${'}'.repeat(81)}`;
    const files = ['', '{', '[]', '"x"', '{"Presence":"x"}', '{"Presence":[]}', '{"Logging":"x"}', '\u0000', deep];
    await checkAll(files.map((file) => ({ what: `the file ${file.slice(0, 40)}`, env: {}, file })));
  });
}

console.log(`# ${starts} starts`);
live.close();
theEnd();
process.exit(0);
