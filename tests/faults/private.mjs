// Every file that the server and its commands create belongs to their user alone, whatever the umask is. The directory is walked, so that a
// file of a later version is noticed too.
//   bash tests/faults/run.sh private
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { lstatSync, mkdirSync, readFileSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { step, theEnd } from '../clients/node/tap.mjs';

const program = process.env.FAULTS_PROGRAM;
const home = join(process.env.FAULTS_SCRATCH, 'home');
const directory = join(home, 'made', 'data');
const database = join(directory, 'presence.db');
const copy = join(directory, 'copy.db');
mkdirSync(home);
process.umask(0);

const options = { cwd: home, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] };
const run = (...args) => execFileSync('dotnet', [program, ...args], options);

const names = () => readdirSync(directory, { recursive: true });
const othersCanOpen = () => names().filter((name) => (lstatSync(join(directory, name)).mode & 0o077) !== 0);

let server;
await step('a server runs, with a key and a backup', async () => {
  run('keys', 'create', '--role', 'admin', '--database', database);
  server = spawn('dotnet', [program, '--port', '0', '--rest-port', '0', '--database', database], options);
  await new Promise((resolve, reject) => {
    let output = '';
    server.stdout.on('data', (data) => {
      output += data;
      if (output.includes('Listening on')) resolve();
    });
    server.once('exit', () => reject(new Error(output)));
  });
  run('keys', 'list', '--database', database);
  run('backup', copy, '--database', database);
  for (const name of ['', '-wal', '-shm', '.lock', '.secret', '.sock'].map((suffix) => `presence.db${suffix}`))
    assert.ok(names().includes(name), name);
});
await step('only the owner can open each file, and enter the directories', () => {
  assert.deepEqual(othersCanOpen(), []);
  for (const made of [directory, join(home, 'made')]) assert.equal(lstatSync(made).mode & 0o777, 0o700);
});
await step('the same holds after a restore', async () => {
  server.kill('SIGTERM');
  await new Promise((resolve) => server.once('exit', resolve));
  run('restore', copy, '--database', database);
  assert.deepEqual(othersCanOpen(), []);
});
await step('a link in the place of the lock file gives one line and exit code 3, and its target is not written', () => {
  const victim = join(home, 'victim');
  writeFileSync(victim, 'content');
  symlinkSync(victim, join(home, 'planted.db.lock'));
  assert.throws(
    () => run('keys', 'create', '--role', 'admin', '--database', join(home, 'planted.db')),
    (error) => error.status === 3 && error.stderr.trim().split('\n').length === 1 && error.stderr.includes('planted.db.lock'));
  assert.equal(readFileSync(victim, 'utf8'), 'content');
});
theEnd();
process.exit(0);
